// SPDX-License-Identifier: BSD-2-Clause
// card.js MODULE RSA-ID EC-ID: what a Node program does with a token; the PIN is in the environment. Reads the files data and
// cipher, writes plain and rsa1.sig to rsa8.sig.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const graphene = require("graphene-pk11");
const pkcs11js = require("pkcs11js");

const [path, rsaId, ecId] = process.argv.slice(2);
const data = fs.readFileSync("data");

function check(what, good) {
	console.log((good ? "good" : "WRONG") + " " + what);
	if (!good)
		process.exit(1);
}

function find(session, id, objectClass) {
	const found = session.find({ class: objectClass, id: Buffer.from(id, "hex") });

	return found.length ? found.items(0).toType() : null;
}

function code(call) {
	try {
		call();
		return 0;
	} catch (error) {
		return error.code;
	}
}

// By graphene, which initialises the module with flags that ask for no locks.
function operations() {
	const card = graphene.Module.load(path);

	card.initialize();
	const session = card.getSlots(0, true).open();

	check("no private key before the login", !find(session, rsaId, graphene.ObjectClass.PRIVATE_KEY));
	check("a wrong PIN", code(() => session.login("999999")) === pkcs11js.CKR_PIN_INCORRECT);
	session.login(process.env.PIN);
	const rsa = find(session, rsaId, graphene.ObjectClass.PRIVATE_KEY);
	const ec = find(session, ecId, graphene.ObjectClass.PRIVATE_KEY);

	const plain = Buffer.alloc(256);
	fs.writeFileSync("plain", session.createDecipher("RSA_PKCS", rsa).once(fs.readFileSync("cipher"), plain));

	const certificate = find(session, ecId, graphene.ObjectClass.CERTIFICATE);
	const key = new crypto.X509Certificate(certificate.value).publicKey;
	const signature = session.createSign("ECDSA", ec).once(crypto.createHash("sha256").update(data).digest());
	check("a signature on a curve", crypto.verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature));
	session.close();
	card.finalize();
}

// By pkcs11js, in the threads of Node's pool, after the module was finalised once.
async function pool() {
	const card = new pkcs11js.PKCS11();

	card.load(path);
	card.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
	const slot = card.C_GetSlotList(true)[0];
	const open = () => card.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);
	const first = open();

	card.C_Login(first, pkcs11js.CKU_USER, process.env.PIN);
	card.C_FindObjectsInit(first, [
		{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
		{ type: pkcs11js.CKA_ID, value: Buffer.from(rsaId, "hex") }]);
	const key = card.C_FindObjects(first, 1)[0];
	card.C_FindObjectsFinal(first);
	await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (i) => {
		const session = open();

		card.C_SignInit(session, { mechanism: pkcs11js.CKM_SHA256_RSA_PKCS }, key);
		fs.writeFileSync(`rsa${i}.sig`, await card.C_SignAsync(session, data, Buffer.alloc(256)));
	}));
	check("eight signatures in the pool", true);
	card.C_CloseAllSessions(slot);
	card.C_Finalize();
	check("the end", true);
}

operations();
pool().catch((error) => check(error, false));
