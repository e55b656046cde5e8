import type { FileReference } from "./catalogue.d.ts";

/** Why a file is not used; the message starts with its name. */
export class CatalogueError extends Error {
  override readonly name = "CatalogueError";
}

/** Whether hashes and signatures can be checked: browsers allow it on https and localhost only. */
export const canVerify = globalThis.crypto?.subtle !== undefined;

/** Return the SHA-256 of bytes as hex digits. */
export async function sha256(content: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content as BufferSource));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Check the length of a file and, where that is possible, its hash. */
export async function checkFile(reference: FileReference, content: Uint8Array): Promise<void> {
  const { file, bytes } = reference;
  if (content.length !== bytes) {
    throw new CatalogueError(`${file}: has ${content.length} bytes (expected ${bytes})`);
  }
  if (canVerify && (await sha256(content)) !== reference.sha256) {
    throw new CatalogueError(`${file}: its content is not that of its SHA-256`);
  }
}

/** Check a detached JWS (RFC 7515, appendix F) of `content`; `name` is the file that has it. */
export async function checkSignature(
  name: string,
  jws: Uint8Array,
  content: Uint8Array,
  key: JsonWebKey,
): Promise<void> {
  const [header = "", payload, signature = "", ...rest] = new TextDecoder().decode(jws).trim().split(".");
  const { alg, crit } = parseHeader(name, header);
  if (alg !== "Ed25519" || crit !== undefined || payload !== "" || rest.length > 0) {
    throw new CatalogueError(`${name}: is not a detached JWS with alg Ed25519`);
  }
  const signed = new TextEncoder().encode(`${header}.${encodeBase64Url(content)}`);
  const { kty, crv, x } = key as { kty: string; crv: string; x: string };
  let isValid: boolean;
  try {
    const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]);
    isValid = await crypto.subtle.verify("Ed25519", publicKey, decodeBase64Url(signature), signed);
  } catch (error) {
    throw new CatalogueError(`${name}: the signature cannot be checked here (${String(error)})`);
  }
  if (!isValid) throw new CatalogueError(`${name}: the signature is not that of the publisher's key`);
}

function parseHeader(name: string, header: string): { alg?: unknown; crit?: unknown } {
  try {
    return JSON.parse(new TextDecoder().decode(decodeBase64Url(header)));
  } catch {
    throw new CatalogueError(`${name}: is not a JWS`);
  }
}

function encodeBase64Url(content: Uint8Array): string {
  const binary = Array.from(content, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}
