"""What a data key may be."""

from __future__ import annotations

import pytest

from extauth.domain.data_keys import DataKey


@pytest.mark.parametrize("plain", [bytes(31), bytes(33), b"", bytearray(32)])
def test_a_data_key_is_of_one_length(plain):
    """And made of bytes that nobody changes."""
    with pytest.raises(ValueError, match=r"^a data key is 32 bytes, for AES-256$"):
        DataKey(plain, b"wrapped")
    assert DataKey(bytes(32), b"wrapped").plain == bytes(32)
