//! Ranges of network addresses, as limits of tokens name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Addresses that begin with the same bits: `192.0.2.0/24`, `2001:db8::/32`, or one address alone. IPv4 addresses that
/// are written as IPv6 (`::ffff:192.0.2.1`) are IPv4 addresses, here and in what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// The lowest address: no bit beyond the prefix is set.
    first: IpAddr,
    prefix_bits: u8,
}

/// A text that names no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// It is none.
    #[error("an address range is an address, or one with the number of bits that count: 192.0.2.0/24, 2001:db8::/32")]
    Malformed,
    /// Bits beyond the prefix are set, so it is not clear what was meant.
    #[error("the range begins at {0}; write that, or the one address without a slash")]
    Beyond(AddressRange),
}

impl AddressRange {
    /// Whether the address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::at(address.to_canonical(), self.prefix_bits).is_some_and(|range| range == *self)
    }

    /// Whether every address of `other` is one of these.
    pub fn covers(&self, other: &Self) -> bool {
        other.prefix_bits >= self.prefix_bits && self.contains(other.first)
    }

    /// The range of `prefix_bits` in which a canonical address is.
    fn at(address: IpAddr, prefix_bits: u8) -> Option<Self> {
        let first = match address {
            IpAddr::V4(address) => {
                let rest = 32_u8.checked_sub(prefix_bits)?;
                let mask = u32::MAX.checked_shl(rest.into()).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let rest = 128_u8.checked_sub(prefix_bits)?;
                let mask = u128::MAX.checked_shl(rest.into()).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Some(Self { first, prefix_bits })
    }
}

/// What one caller surely has, and is counted by: an IPv4 address, or the /64 of an IPv6 address, of which whoever has one
/// has 2^64.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let written: IpAddr = address.parse().map_err(|_| AddressRangeError::Malformed)?;
        let bits = match bits {
            None if written.is_ipv4() => 32,
            None => 128,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse::<u8>().map_err(|_| AddressRangeError::Malformed)?
            }
            Some(_) => return Err(AddressRangeError::Malformed),
        };
        let canonical = written.to_canonical();
        // the 96 bits that say "an IPv4 address" count only where it was written as IPv6
        let bits = if written.is_ipv6() && canonical.is_ipv4() { bits.checked_sub(96) } else { Some(bits) };
        let bits = bits.ok_or(AddressRangeError::Malformed)?;
        let range = Self::at(canonical, bits).ok_or(AddressRangeError::Malformed)?;
        if range.first == canonical { Ok(range) } else { Err(AddressRangeError::Beyond(range)) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.first.is_ipv4() { 32 } else { 128 };
        if self.prefix_bits == whole {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix_bits)
        }
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().expect("a range")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_range_holds_what_begins_alike_and_nothing_else() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("::1", "::1", "::2"),
        ] {
            assert!(range(text).contains(address(inside)), "{text} {inside}");
            assert!(!range(text).contains(address(outside)), "{text} {outside}");
        }
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_that_ipv4_address() {
        assert!(range("192.0.2.0/24").contains(address("::ffff:192.0.2.9")));
        assert_eq!(range("::ffff:192.0.2.0/120"), range("192.0.2.0/24"));
        assert_eq!(range("::ffff:192.0.2.1"), range("192.0.2.1"));
        assert!(!range("::/0").contains(address("::ffff:192.0.2.9")));
        assert_eq!("::ffff:0.0.0.0/90".parse::<AddressRange>(), Err(AddressRangeError::Malformed));
    }

    #[test]
    fn what_is_no_range_is_refused_and_a_slip_is_explained() {
        for text in
            ["", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/", "::/129", "192.0.2/24", " ::1"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(AddressRangeError::Malformed), "{text}");
        }
        let slip = "192.0.2.7/24".parse::<AddressRange>().expect_err("bits beyond the prefix");
        assert_eq!(
            slip.to_string(),
            "the range begins at 192.0.2.0/24; write that, or the one address without a slash"
        );
    }

    #[test]
    fn a_range_covers_narrower_ones() {
        assert!(range("10.0.0.0/8").covers(&range("10.1.0.0/16")));
        assert!(!range("10.1.0.0/16").covers(&range("10.0.0.0/8")));
        assert!(!range("10.0.0.0/8").covers(&range("11.0.0.1")));
        assert!(!range("::/0").covers(&range("10.0.0.1")));
    }
}
