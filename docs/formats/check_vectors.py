"""Checks docs/formats/vectors/*.json with an implementation of its own, written from the pages beside this file.

It shares no code with Strongroom: AES-GCM, HKDF and HMAC come from the Python package `cryptography`.

    python3 -m pip install cryptography
    python3 docs/formats/check_vectors.py
"""

import base64
import hmac as compare
import json
import pathlib
import re
import struct
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VECTORS = pathlib.Path(__file__).parent / "vectors"
ZERO_NONCE = bytes(12)
SCOPES = {"global": 1, "namespace": 2, "app": 3, "system": 4, "user": 5}
ROWS = [
    "SecretHead", "Token", "Deployment", "Function", "Project", "ProjectKey", "Namespace", "App", "Setting", "Member",
    "User", "Job", "Schedule", "SecretVersion", "Issuer", "Link", "Session", "AuditHead", "Node",
    "Invitation", "Identity",
]
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class DoesNotOpen(Exception):
    pass


def label(word):
    return b"strongroom/v1/" + word.encode()


def hkdf(key, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def hmac256(key, message):
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(message)
    return mac.finalize()


def fields(parts):
    return struct.pack(">I", len(parts)) + b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def prefixed(part):
    return struct.pack(">H", len(part)) + part


def fresh_salt(key, random, context, plaintext):
    return hmac256(hkdf(key, b"", label("salt-key")), random + context + plaintext)


# --- root key, instance ----------------------------------------------------------------------------------------------


def read_root_key(text):
    text = text.strip()
    if re.fullmatch("[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    bare = text.rstrip("=")
    if len(bare) != 43 or len(text) not in (43, 44) or not re.fullmatch("[0-9A-Za-z+/]*|[0-9A-Za-z_-]*", bare):
        raise DoesNotOpen
    key = base64.urlsafe_b64decode(bare.replace("+", "-").replace("/", "_") + "=")
    if base64.urlsafe_b64encode(key).decode().rstrip("=") != bare.replace("+", "-").replace("/", "_"):
        raise DoesNotOpen
    return key


def fingerprint(root):
    digits = hkdf(root, label("root"), label("fingerprint"))[:8].hex()
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def check_value(root, instance):
    return hkdf(root, instance, label("key-check"))


def wrapping_key(root, instance):
    return hkdf(root, instance, label("wrapping"))


def instance_secret(root, instance):
    return hkdf(root, instance, label("instance-secret"))


def subkey(root, instance, word):
    return hkdf(instance_secret(root, instance), instance, label(word))


# --- sealed bytes ----------------------------------------------------------------------------------------------------


def wrapped_place(magic, version, instance, owner):
    return magic + struct.pack(">I", version) + instance + owner


def wrapped_key(wrapping, word, salt, version, owner):
    return hkdf(wrapping, salt, label(word) + owner + struct.pack(">I", version))


def seal_key(wrapping, magic, word, version, instance, owner, key, random):
    place = wrapped_place(magic, version, instance, owner)
    salt = fresh_salt(wrapping, random, place, key)
    once = AESGCM(wrapped_key(wrapping, word, salt, version, owner))
    return place[:8] + salt + once.encrypt(ZERO_NONCE, key, place)


def open_key(wrapping, magic, word, version, instance, owner, sealed):
    place = wrapped_place(magic, version, instance, owner)
    if len(sealed) != 88 or sealed[:8] != place[:8]:
        raise DoesNotOpen
    return decrypt(wrapped_key(wrapping, word, sealed[8:40], version, owner), sealed[40:], place)


def decrypt(key, sealed, place):
    try:
        return AESGCM(key).decrypt(ZERO_NONCE, sealed, place)
    except InvalidTag:
        raise DoesNotOpen from None


def place_of(case, key_version):
    scope = case["scope"]
    texts = [scope.get("namespace", ""), scope.get("app", ""), "", scope.get("user", ""), case["name"]]
    return (
        b"SRV\x01"
        + struct.pack(">I", key_version)
        + bytes.fromhex(case["project"])
        + bytes.fromhex(case["secret"])
        + struct.pack(">QB", case["version"], SCOPES[scope["kind"]])
        + b"".join(prefixed(text.encode()) for text in texts)
    )


def base_key(case):
    key = bytes.fromhex(case["project_key"])
    if case["scope"]["kind"] != "user":
        return key
    return hkdf(key, b"", label("user-key") + prefixed(b"") + prefixed(case["scope"]["user"].encode()))


def value_key(case, salt):
    info = label("value-key") + bytes.fromhex(case["secret"]) + struct.pack(">Q", case["version"])
    return hkdf(base_key(case), salt, info)


def seal_value(case):
    place, plaintext = place_of(case, case["key_version"]), case["value"].encode()
    salt = fresh_salt(base_key(case), bytes.fromhex(case["random"]), place, plaintext)
    return place[:8] + salt + AESGCM(value_key(case, salt)).encrypt(ZERO_NONCE, pad(plaintext), place)


def pad(plaintext):
    return plaintext + bytes(max(32, -(-len(plaintext) // 32) * 32) - len(plaintext))


def open_value(case, envelope):
    body = len(envelope) - 56
    if envelope[:4] != b"SRV\x01" or body < 32 or body > 65536 or body % 32:
        raise DoesNotOpen
    place = place_of(case, struct.unpack(">I", envelope[4:8])[0])
    padded = decrypt(value_key(case, envelope[8:40]), envelope[40:], place)
    plaintext = padded.rstrip(b"\0")
    if pad(plaintext) != padded or b"\0" in plaintext:
        raise DoesNotOpen
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        raise DoesNotOpen from None


# --- tokens ----------------------------------------------------------------------------------------------------------


def checksum(body):
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def make_token(random):
    body = "srt_" + "".join(BASE62[byte % 62] for byte in random if byte < 248)[:43]
    return body + checksum(body)


def is_token(text):
    return bool(re.fullmatch("srt_[0-9A-Za-z]{49}", text)) and checksum(text[:47]) == text[47:]


# --- the checks ------------------------------------------------------------------------------------------------------


def refused(name, operation):
    try:
        operation()
    except DoesNotOpen:
        return
    raise AssertionError(f"opened: {name}")


def damaged(original):
    for bit in range(len(original) * 8):
        changed = bytearray(original)
        changed[bit // 8] ^= 1 << (bit % 8)
        yield bytes(changed)
    for length in range(len(original)):
        yield original[:length]
    yield original + b"\0"
    yield b"\0" + original


def check_root_keys(vectors):
    for case in vectors["keys"]:
        root, instance = bytes.fromhex(case["key"]), bytes.fromhex(case["instance"])
        for text in case["texts"]:
            assert read_root_key(text) == root, case["id"]
        assert fingerprint(root) == case["fingerprint"], case["id"]
        assert check_value(root, instance).hex() == case["check"], case["id"]
    for case in vectors["refused"]:
        refused(case["id"], lambda case=case: read_root_key(case["text"]))


def check_envelopes(vectors):
    known = {case["id"]: case for case in vectors["opens"]}
    for case in known.values():
        envelope = bytes.fromhex(case["envelope"])
        assert seal_value(case) == envelope, case["id"]
        assert open_value(case, envelope) == case["value"], case["id"]
        for changed in damaged(envelope):
            refused(case["id"], lambda case=case, changed=changed: open_value(case, changed))
    for case in vectors["refused"]:
        original = known[case["of"]]
        moved = {**original, **case["instead"]}
        refused(case["id"], lambda moved=moved: open_value(moved, bytes.fromhex(moved["envelope"])))


def wrapped_arguments(case):
    root, instance = bytes.fromhex(case["root"]), bytes.fromhex(case["instance"])
    wrapping = wrapping_key(root, instance)
    if "project" in case:
        return wrapping, b"SRK\x01", "wrap-key", case["version"], instance, bytes.fromhex(case["project"])
    return wrapping, b"SRI\x01", "carry-key", 0, instance, instance


def check_wrapped_keys(vectors):
    known = {case["id"]: case for case in vectors["opens"]}
    for case in known.values():
        arguments, sealed = wrapped_arguments(case), bytes.fromhex(case["sealed"])
        key = bytes.fromhex(case["key"])
        if "old_root" in case:
            assert key == instance_secret(bytes.fromhex(case["old_root"]), bytes.fromhex(case["instance"]))
        assert seal_key(*arguments, key, bytes.fromhex(case["random"])) == sealed, case["id"]
        assert open_key(*arguments, sealed) == key, case["id"]
        for changed in damaged(sealed):
            refused(case["id"], lambda arguments=arguments, changed=changed: open_key(*arguments, changed))
    for case in vectors["refused"]:
        moved = {**known[case["of"]], **case["instead"]}
        refused(case["id"], lambda moved=moved: open_key(*wrapped_arguments(moved), bytes.fromhex(moved["sealed"])))


def mac_of(case):
    root, instance = bytes.fromhex(case["root"]), bytes.fromhex(case["instance"])
    parts = [bytes.fromhex(part) for part in case.get("fields", [])]
    match case["use"]:
        case "row":
            return hmac256(subkey(root, instance, "row-mac"), bytes([ROWS.index(case["row"]) + 1]) + fields(parts))
        case "audit":
            previous, record = bytes.fromhex(case["previous"]), bytes.fromhex(case["record"])
            message = fields([case["node"].encode(), struct.pack(">Q", case["seq"]), previous, record])
            return hmac256(subkey(root, instance, "audit"), message)
        case "digest":
            message = fields([case["purpose"].encode(), bytes.fromhex(case["bytes"])])
            return hmac256(subkey(root, instance, "digest"), message)
        case "token":
            return hmac256(subkey(root, instance, "token"), case["text"].encode())
    raise AssertionError(case["use"])


def check_macs(vectors):
    known = {case["id"]: case for case in vectors["macs"]}
    for case in known.values():
        assert compare.compare_digest(mac_of(case).hex(), case["mac"]), case["id"]
    for case in vectors["differs"]:
        original = known[case["of"]]
        assert mac_of({**original, **case["instead"]}).hex() != original["mac"], case["id"]


def check_tokens(vectors):
    for case in vectors["tokens"]:
        assert make_token(bytes.fromhex(case["random"])) == case["text"], case["id"]
        assert is_token(case["text"]), case["id"]
    for case in vectors["refused"]:
        assert not is_token(case["text"]), case["id"]


def run_data_place(case):
    ids = b"".join(bytes.fromhex(case[field]) for field in ("project", "job", "run"))
    return b"SRJ\x01" + struct.pack(">I", case["key_version"]) + ids + bytes([case["part"]])


def run_data_key(case, salt):
    return hkdf(bytes.fromhex(case["key"]), salt, label("run-key") + bytes.fromhex(case["run"]) + bytes([case["part"]]))


def open_run_data(case, sealed):
    if len(sealed) < 56 or sealed[:4] != b"SRJ\x01":
        raise DoesNotOpen
    place = run_data_place({**case, "key_version": struct.unpack(">I", sealed[4:8])[0]})
    return decrypt(run_data_key(case, sealed[8:40]), sealed[40:], place)


def check_run_data(vectors):
    known = {case["id"]: case for case in vectors["opens"]}
    for case in known.values():
        sealed, place, data = bytes.fromhex(case["sealed"]), run_data_place(case), case["data"].encode()
        salt = fresh_salt(bytes.fromhex(case["key"]), bytes.fromhex(case["random"]), place, data)
        once = AESGCM(run_data_key(case, salt))
        assert place[:8] + salt + once.encrypt(ZERO_NONCE, data, place) == sealed, case["id"]
        assert open_run_data(case, sealed) == data, case["id"]
        for changed in damaged(sealed):
            refused(case["id"], lambda case=case, changed=changed: open_run_data(case, changed))
    for case in vectors["refused"]:
        moved = {**known[case["of"]], **case["instead"]}
        refused(case["id"], lambda moved=moved: open_run_data(moved, bytes.fromhex(moved["sealed"])))


# --- second factors ---------------------------------------------------------------------------------------------------


def factor_place(case):
    return b"SRF\x01" + bytes.fromhex(case["instance"]) + bytes.fromhex(case["user"])


def factor_key(case, salt):
    return hkdf(factor_base(case), salt, label("factor-key") + bytes.fromhex(case["user"]))


def factor_base(case):
    instance = bytes.fromhex(case["instance"])
    secret = hkdf(read_root_key(case["root"]), instance, label("instance-secret"))
    return hkdf(secret, instance, label("factor"))


def open_factor(case, sealed):
    if len(sealed) != 72 or sealed[:4] != b"SRF\x01":
        raise DoesNotOpen
    return decrypt(factor_key(case, sealed[4:36]), sealed[36:], factor_place(case))


def totp(secret, seconds):
    mac = hmac.HMAC(secret, hashes.SHA1())
    mac.update(struct.pack(">Q", seconds // 30))
    digest = mac.finalize()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def check_second_factors(vectors):
    known = {case["id"]: case for case in vectors["opens"]}
    for case in known.values():
        sealed, place = bytes.fromhex(case["sealed"]), factor_place(case)
        secret = base64.b32decode(case["secret"])
        salt = fresh_salt(factor_base(case), bytes.fromhex(case["random"]), place, secret)
        assert place[:4] + salt + AESGCM(factor_key(case, salt)).encrypt(ZERO_NONCE, secret, place) == sealed, case["id"]
        assert open_factor(case, sealed) == secret, case["id"]
        assert totp(secret, case["at"]) == case["code"], case["id"]
        for changed in damaged(sealed):
            refused(case["id"], lambda case=case, changed=changed: open_factor(case, changed))
    for case in vectors["refused"]:
        moved = {**known[case["of"]], **case["instead"]}
        refused(case["id"], lambda moved=moved: open_factor(moved, bytes.fromhex(moved["sealed"])))


def main():
    checks = {
        "root-key": check_root_keys,
        "envelope": check_envelopes,
        "wrapped-key": check_wrapped_keys,
        "mac": check_macs,
        "token": check_tokens,
        "run-data": check_run_data,
        "second-factor": check_second_factors,
    }
    for name, check in checks.items():
        vectors = json.loads((VECTORS / f"{name}.json").read_text())
        check(vectors)
        print(f"{name}: {', '.join(f'{len(cases)} {kind}' for kind, cases in vectors.items())}: ok")


if __name__ == "__main__":
    main()
