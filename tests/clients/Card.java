/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Java program over SunPKCS11: lists the entries of the token's KeyStore, signs with each, also in several threads,
 * decrypts, and verifies with Java's own providers; connects with each to a server that is trusted for its certificate.
 * Usage: java Card.java CONFIGURATION PIN [URL CERTIFICATE]. P-154
 */
import java.io.FileInputStream;
import java.net.Socket;
import java.net.URL;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.Cipher;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

public class Card {
	private static Signature signature(String algorithm, String provider) throws Exception {
		Signature s = Signature.getInstance(algorithm, provider);

		if (algorithm.equals("RSASSA-PSS"))
			s.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
		return s;
	}

	/* In parts, as most programs do. */
	private static byte[] sign(String provider, PrivateKey key, String algorithm) throws Exception {
		Signature s = signature(algorithm, provider);

		s.initSign(key);
		s.update("to be ".getBytes());
		s.update("signed".getBytes());
		return s.sign();
	}

	private static boolean verify(String provider, PublicKey key, String algorithm, String text, byte[] signed)
			throws Exception {
		Signature s = signature(algorithm, provider);

		s.initVerify(key);
		s.update(text.getBytes());
		return s.verify(signed);
	}

	private static boolean decrypts(Provider token, PrivateKey key, PublicKey publicKey) throws Exception {
		byte[] secret = "a secret".getBytes();
		Cipher host = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
		Cipher card = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);

		host.init(Cipher.ENCRYPT_MODE, publicKey);
		card.init(Cipher.DECRYPT_MODE, key);
		return Arrays.equals(card.doFinal(host.doFinal(secret)), secret);
	}

	/* Four threads sign ten times each. */
	private static boolean threads(Provider token, PrivateKey key, PublicKey publicKey) throws Exception {
		AtomicInteger good = new AtomicInteger();
		Thread[] threads = new Thread[4];

		for (int i = 0; i < threads.length; i++) {
			threads[i] = new Thread(() -> {
				try {
					for (int round = 0; round < 10; round++)
						if (verify("SunRsaSign", publicKey, "SHA256withRSA", "to be signed",
								sign(token.getName(), key, "SHA256withRSA")))
							good.incrementAndGet();
				} catch (Exception e) {
					System.out.println(e);
				}
			});
			threads[i].start();
		}
		for (Thread thread : threads)
			thread.join();
		return good.get() == 40;
	}

	/* The token's keys, of which a server gets this one. */
	private static KeyManager only(KeyStore store, String alias, char[] pin) throws Exception {
		KeyManagerFactory factory = KeyManagerFactory.getInstance("SunX509");

		factory.init(store, pin);
		X509ExtendedKeyManager all = (X509ExtendedKeyManager) factory.getKeyManagers()[0];
		return new X509ExtendedKeyManager() {
			public String[] getClientAliases(String type, Principal[] issuers) {
				return new String[] { alias };
			}

			public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
				return alias;
			}

			public String[] getServerAliases(String type, Principal[] issuers) {
				return null;
			}

			public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
				return null;
			}

			public X509Certificate[] getCertificateChain(String alias) {
				return all.getCertificateChain(alias);
			}

			public PrivateKey getPrivateKey(String alias) {
				return all.getPrivateKey(alias);
			}
		};
	}

	private static boolean connects(KeyStore store, String alias, char[] pin, String url, String authority) throws Exception {
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		KeyStore authorities = KeyStore.getInstance("PKCS12");
		SSLContext context = SSLContext.getInstance("TLS");

		authorities.load(null, null);
		authorities.setCertificateEntry("ca",
				CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(authority)));
		trust.init(authorities);
		context.init(new KeyManager[] { only(store, alias, pin) }, trust.getTrustManagers(), null);
		HttpsURLConnection connection = (HttpsURLConnection) new URL(url).openConnection();
		connection.setSSLSocketFactory(context.getSocketFactory());
		connection.setRequestProperty("Connection", "close");
		String page = new String(connection.getInputStream().readAllBytes());
		connection.disconnect();
		String serial = ((X509Certificate) store.getCertificate(alias)).getSerialNumber().toString(16);
		return page.replaceAll("[: \\n]", "").toLowerCase().contains(serial);
	}

	private static void say(String alias, String what, boolean good) {
		System.out.println(alias + " " + what + " " + (good ? "good" : "bad"));
	}

	private static void tryOut(Provider token, KeyStore store, String alias, char[] pin) throws Exception {
		PrivateKey key = (PrivateKey) store.getKey(alias, pin);
		PublicKey publicKey = store.getCertificate(alias).getPublicKey();
		boolean rsa = key.getAlgorithm().equals("RSA");
		String[] algorithms = rsa ? new String[] { "SHA256withRSA", "RSASSA-PSS" } : new String[] { "SHA256withECDSA" };

		for (String algorithm : algorithms) {
			byte[] signed = sign(token.getName(), key, algorithm);
			String host = rsa ? "SunRsaSign" : "SunEC";
			boolean good = verify(host, publicKey, algorithm, "to be signed", signed)
					&& !verify(host, publicKey, algorithm, "something else", signed);

			say(alias, algorithm, good);
		}
		if (rsa) {
			say(alias, "decryption", decrypts(token, key, publicKey));
			say(alias, "threads", threads(token, key, publicKey));
		}
	}

	public static void main(String[] args) throws Exception {
		Provider token = Security.getProvider("SunPKCS11").configure(args[0]);
		KeyStore store = KeyStore.getInstance("PKCS11", token);
		char[] pin = args[1].toCharArray();

		Security.addProvider(token);
		store.load(null, pin);
		for (String alias : Collections.list(store.aliases())) {
			System.out.println("entry " + alias + " " + store.isKeyEntry(alias));
			tryOut(token, store, alias, pin);
			if (args.length > 2)
				say(alias, "TLS", connects(store, alias, pin, args[2], args[3]));
		}
	}
}
