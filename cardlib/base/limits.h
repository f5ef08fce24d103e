/* SPDX-License-Identifier: BSD-2-Clause */
/* Every ceiling in one place, each with its reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* One answer of a card after GET RESPONSE: a data object may hold 32 KB, a bulk read of a file several of them. */
#define LIMIT_RESPONSE (64u * 1024)
/* GET RESPONSE rounds for one command: 64 KB in steps of 256, and some slack for cards that answer in small pieces. */
#define LIMIT_RESPONSE_ROUNDS 512u
/* One command's data field before chaining; PUT KEY of RSA-4096 needs about 2.4 KB, a data object 32 KB. */
#define LIMIT_COMMAND (64u * 1024)
/* A certificate after inflation; the length field of the compressed form has 16 bits. */
#define LIMIT_CERTIFICATE 65535u
/* Nesting of BER-TLV; GIDS needs 3, PIV 4. */
#define LIMIT_TLV_DEPTH 8u
/* Containers of a card: the index is a byte; GIDS has room for 30, PIV for 24. */
#define LIMIT_CONTAINERS 100u
/* Roots on a card: what 64 KB of certificates can be, and then some. */
#define LIMIT_ROOTS 128u
/* Records of the GIDS file table: 100 data objects in each of six files is the most the specification allows. */
#define LIMIT_FILES 600u
/* Key sizes that are believed; a modulus outside is damage or an attack on the host's arithmetic. */
#define LIMIT_RSA_MIN_BITS 1024u
#define LIMIT_RSA_MAX_BITS 4096u
#define LIMIT_RSA_BYTES (LIMIT_RSA_MAX_BITS / 8)
/* A public exponent longer than this is refused (it makes verification arbitrarily slow). */
#define LIMIT_RSA_EXPONENT_BYTES 8u
/* Uncompressed point of P-521: 04 and two coordinates of 66 bytes. */
#define LIMIT_EC_POINT 133u
/* What ECDSA may be asked to sign without hashing: the longest hash. More is a message by mistake, and cards refuse it. */
#define LIMIT_ECDSA_INPUT 64u
/* What Ed25519 may be asked to sign: the card hashes, so it is a message, as long as the buffers of tokens are (3 KB). */
#define LIMIT_EDDSA_INPUT 3072u
/* ISO 7816-3. */
#define LIMIT_ATR 33u
/* A PIN as typed; longer than any card takes (GIDS 127), and room for an admin key in hex. */
#define LIMIT_PIN 255u
/* Readers a process may ever see; pcsc-lite itself stops at 16 at a time. */
#define LIMIT_READERS 64u
/* pcsc-lite's MAX_READERNAME. */
#define LIMIT_READER_NAME 128u
/* Sessions of one process on all slots together: a leak in the caller should not become ours. */
#define LIMIT_SESSIONS 4096u
/* Attributes in one template of a caller; real ones have a dozen, a count beyond this is garbage. */
#define LIMIT_TEMPLATE 1024u
/* Data that a single-part mechanism buffers over C_SignUpdate calls: the longest block plus one byte to notice more. */
#define LIMIT_SINGLE_PART (LIMIT_RSA_BYTES + 1)
/* Objects that sessions of one token have made in memory; each secret key takes a page of locked memory. */
#define LIMIT_SESSION_OBJECTS 256u
/* Bytes of all these objects together: a caller that never destroys what it makes is told before the process is full. */
#define LIMIT_SESSION_MEMORY (8u * 1024 * 1024)
/* Bytes of a secret key in memory; what a raw RSA block of the longest modulus can hold. */
#define LIMIT_SECRET_KEY LIMIT_RSA_BYTES
/* Bytes of one attribute of an object in memory. */
#define LIMIT_OBJECT_VALUE 65536u
/* What a digest keeps of its data so that C_GetOperationState can save it; handshakes are shorter. */
#define LIMIT_OPERATION_STATE (64u * 1024)

/* The cache on disk: items of one card (keys, and single data objects), the bytes of a name, of a card, of all, and cards. */
#define LIMIT_CACHE_ITEMS 256u
#define LIMIT_CACHE_TAG 32u
#define LIMIT_CACHE_CARD (256u * 1024)
#define LIMIT_CACHE_TOTAL (4u * 1024 * 1024)
#define LIMIT_CACHE_CARDS 64u

#endif
