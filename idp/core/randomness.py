"""The one source of randomness, and the two functions every secret value passes through.

Random values come from the operating system's generator through ``Randomness``; tests hand in a
source they control. What is stored of a token is its digest (RFC 6819 §5.1.4.1.3: a high-entropy
value needs no slow hash); what is compared is compared in constant time.
"""

import base64
import hashlib
import hmac
import secrets

CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""For codes that people type: without 0/o, 1/i/l."""


class Randomness:
    """Random values in the shapes the provider uses; every one derives from :meth:`raw`."""

    def raw(self, nbytes: int) -> bytes:
        """That many random bytes."""
        return secrets.token_bytes(nbytes)

    def token(self, nbytes: int = 32) -> str:
        """A base64url value without padding; 32 bytes make 43 characters."""
        return base64.urlsafe_b64encode(self.raw(nbytes)).rstrip(b"=").decode("ascii")

    def uuid(self) -> str:
        """128 random bits as 32 lower-case hex characters: the shape of every row's id."""
        return self.raw(16).hex()

    def below(self, bound: int) -> int:
        """A uniformly distributed number from 0 up to, not including, ``bound``."""
        if bound < 1:
            raise ValueError("bound must be positive")
        nbytes = (bound.bit_length() + 7) // 8
        # Values past the largest multiple of the bound are thrown away, or some would be likelier.
        ceiling = 256**nbytes - 256**nbytes % bound
        while (value := int.from_bytes(self.raw(nbytes), "big")) >= ceiling:
            pass
        return value % bound

    def digits(self, length: int) -> str:
        """A numeric code, leading zeros kept."""
        return f"{self.below(10**length):0{length}d}"

    def code(self, groups: int = 2, length: int = 5) -> str:
        """A code that people type or write down: groups of unmistakable characters, hyphenated."""
        alphabet = CODE_ALPHABET
        return "-".join(
            "".join(alphabet[self.below(len(alphabet))] for _ in range(length))
            for _ in range(groups)
        )

    def fraction(self) -> float:
        """A number from 0 up to, not including, 1: for jitter."""
        return int.from_bytes(self.raw(7), "big") / 256**7


def digest(value: str) -> str:
    """SHA-256 of a random value as 64 hex characters: what is stored in its place."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Whether two values are equal, in a time that does not depend on where they differ."""
    if isinstance(left, str):
        left = left.encode("utf-8", "surrogatepass")
    if isinstance(right, str):
        right = right.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(left, right)
