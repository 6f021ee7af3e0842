//! An authenticator app, as RFC 6238 says: it shares no code with the product.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;

/// The code that an app shows for a secret in base32, `steps` of 30 seconds from now.
#[expect(clippy::disallowed_methods, reason = "a phone has a clock of its own")]
pub fn code(secret: &str, steps: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret));
    let tag = hmac::sign(&key, &now.checked_add_signed(steps).unwrap().to_be_bytes());
    let bytes = tag.as_ref();
    let start = usize::from(bytes[19] & 15);
    let number = u32::from_be_bytes(bytes[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// RFC 4648, section 6, without padding.
fn base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let digit = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
        held = held << 5 | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn base32_is_read() {
        assert_eq!(super::base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), b"12345678901234567890");
    }
}
