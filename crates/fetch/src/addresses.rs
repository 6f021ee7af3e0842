//! Which addresses lie in the public internet, and names that never lead there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names of this host and of the metadata services of clouds.
const LOCAL_NAMES: [&str; 3] = ["localhost", "metadata.google.internal", "metadata"];

/// Not to be reached, beside what the standard library's predicates name: `address/bits`.
const REFUSED_V4: [(Ipv4Addr, u32); 8] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// Whether a host name in lower case, without a final dot, is this host's or a metadata service's, or lies below one.
pub fn is_local_name(host: &str) -> bool {
    LOCAL_NAMES.iter().any(|name| host == *name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether an address lies in the public internet. One that carries an IPv4 address is judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let within = |(net, bits): &(Ipv4Addr, u32)| {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                address.to_bits() & mask == net.to_bits() & mask
            };
            !(address.is_private() || address.is_loopback() || REFUSED_V4.iter().any(within))
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

// 2000::/3 is all that is global unicast (RFC 4291, 2.4); of it, Teredo and 6to4 carry IPv4 addresses inside, and
// 2001:db8::/32 is for examples. NAT64 (64:ff9b::/96) lies outside of it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn private_reserved_and_metadata_addresses_are_not_public_however_they_are_written() {
        let refused = [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "168.63.129.16",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ];
        for address in refused {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn names_below_a_local_name_are_local_and_names_that_end_like_one_are_not() {
        for name in ["localhost", "a.localhost", "metadata.google.internal"] {
            assert!(is_local_name(name), "{name}");
        }
        assert!(!is_local_name("notlocalhost") && !is_local_name("localhost.example.com"));
    }
}
