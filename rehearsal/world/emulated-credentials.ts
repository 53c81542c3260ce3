import { generateKeyPairSync } from "node:crypto";
import type { Credentials } from "./park.ts";

/**
 * Certificates without secrets, valid from 2020 to 2120. Their keys were thrown
 * away: nobody shakes hands in the emulated cluster, where a text is compared.
 */
const ca = `-----BEGIN CERTIFICATE-----
MIIBbDCCARKgAwIBAgIBATAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNEcm92ZXIg
cmVoZWFyc2FsIENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAe
MRwwGgYDVQQDDBNEcm92ZXIgcmVoZWFyc2FsIENBMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAET/46pUlWGOSbvQ7PRGgglL/T9V5dk+BzPnUw5mGvjTi8uEhSQF1E
10jtsh8bJt5vrJisLRvx4HX4oA2reaw+WqM/MD0wDwYDVR0TAQH/BAUwAwEB/zAL
BgNVHQ8EBAMCAQYwHQYDVR0OBBYEFLThgL3brsMhe4zU9tJmi19axja6MAoGCCqG
SM49BAMCA0gAMEUCIAiAtghZzLxROLbHrQauloksJYpCnJf+oxlDuutD1e86AiEA
nw1LXgTjra02mZNt60fvUw1yQ+nkNrPM/f8bg6guE30=
-----END CERTIFICATE-----`;

const clientCertificate = `-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIBAjAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNEcm92ZXIg
cmVoZWFyc2FsIENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAR
MQ8wDQYDVQQDDAZkcm92ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARQ9pAk
UCS0be+xE0tPMa0RidSJBejGOvgua5xnet06io/btyEPj1zsq6uuKPK/ZzxvHvNX
qyYu62/pvnRqrdYSo2UwYzAMBgNVHRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUF
BwMCMB0GA1UdDgQWBBTNuNZ67p4dhveZ7a6qOYWSDDN13TAfBgNVHSMEGDAWgBS0
4YC9267DIXuM1PbSZotfWsY2ujAKBggqhkjOPQQDAgNIADBFAiEAkITSrDSnbMWx
f1jBEFQ4s92Z1PToK2wLNgy7cywMGKwCIH7pwiaoTp3dX0a8cioBVww6HBn61Hj/
+S7aHuuarjoj
-----END CERTIFICATE-----`;

/** A key like any other; that it belongs to no certificate only a handshake would find out. */
const clientKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
  type: "pkcs8",
  format: "pem",
});

/** What Drover's secrets hold in an emulated cluster. */
export const emulatedCredentials: Credentials = {
  nomadToken: "nomad-token-of-drover",
  consulToken: "consul-token-of-drover",
  ca,
  clientCertificate,
  // As a secret is read: without the newline at its end.
  clientKey: String(clientKey).trim(),
};
