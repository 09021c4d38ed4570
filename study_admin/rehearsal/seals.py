"""How a rehearsal's studies are sealed: so that they can be made again, and by anybody."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from study_admin.blinding.export import Sealing

PASSPHRASE = "everybody may open this rehearsal"


def sealing_of(seed: int, what: str = "rehearsal") -> Sealing:
    """The same seed draws the same groups, orders, sides and ids: no secret, and good for a rehearsal only."""
    parts = (hashlib.sha256(f"Blindread {what} {part} {seed}".encode()).digest() for part in ("draw", "key"))
    return Sealing(PASSPHRASE, seed=next(parts), signing_key=Ed25519PrivateKey.from_private_bytes(next(parts)))
