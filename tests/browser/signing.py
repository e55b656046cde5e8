"""The publisher's key and signatures, made by node: a second implementation beside the one that publishes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_GENERATE = """
const { publicKey, privateKey } = crypto.generateKeyPairSync("ed25519");
console.log(JSON.stringify([publicKey.export({ format: "jwk" }).x, privateKey.export({ format: "pem", type: "pkcs8" })]));
"""
_SIGN = """
const { pem, header, file } = JSON.parse(process.argv[1]);
const encoded = Buffer.from(JSON.stringify(header)).toString("base64url");
const payload = fs.readFileSync(file).toString("base64url");
console.log(`${encoded}..${crypto.sign(null, Buffer.from(`${encoded}.${payload}`), pem).toString("base64url")}`);
"""


@dataclass(frozen=True)
class Signer:
    """An Ed25519 key pair; `x` is the public key as a JWK has it."""

    node: Path
    x: str
    pem: str

    def sign(self, folder: Path, **header: object) -> str:
        """Sign the entry of a catalogue; return the name of the signature."""
        entry = folder / "entry.json"
        name = f"entry.{sha256(entry.read_bytes()).hexdigest()[:16]}.jws"
        value = {"pem": self.pem, "header": {"alg": "Ed25519", **header}, "file": str(entry)}
        (folder / name).write_text(_run(self.node, _SIGN, json.dumps(value)))
        return name


def new_signer(node: Path) -> Signer:
    """Return a new key pair."""
    x, pem = json.loads(_run(node, _GENERATE))
    return Signer(node, x, pem)


def _run(node: Path, program: str, *args: str) -> str:
    return subprocess.run([node, "--eval", program, *args], capture_output=True, text=True, check=True).stdout
