#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn rules(net: NetPolicy) -> Rules {
    Rules { net, blocked: vec!["10.9.8.7:7876".to_owned(), "own.example".to_owned()], private: PrivateNet::Refused }
}

fn hosts(names: &[&str]) -> Rules {
    rules(NetPolicy::Hosts(names.iter().map(|name| (*name).to_owned()).collect()))
}

#[test]
fn private_addresses_are_refused_however_they_are_written() {
    let refused = [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.0.192",
        "168.63.129.16",
        "198.19.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "2001:db8::1",
        "ff02::1",
    ];
    for address in refused {
        assert!(!rules(NetPolicy::PublicInternet).permits_address(address.parse().unwrap(), Some(443)), "{address}");
    }
    for address in
        ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1", "11.0.0.1"]
    {
        assert!(rules(NetPolicy::PublicInternet).permits_address(address.parse().unwrap(), Some(443)), "{address}");
    }
}

#[test]
fn names_of_this_host_and_blocked_ones_are_refused_even_if_listed() {
    for rules in [rules(NetPolicy::PublicInternet), hosts(&["localhost", "own.example", "metadata.google.internal"])] {
        for name in ["localhost", "a.localhost", "metadata.google.internal", "own.example"] {
            assert!(!rules.permits_name(name, Some(80)), "{name}");
        }
    }
}

#[test]
fn a_list_of_hosts_holds_by_name_wildcard_port_and_address() {
    let rules = hosts(&["api.example.com", "db.example:5432", "*.wild.example", "1.2.3.4", "[2606:4700::1]:53"]);
    for (host, port) in
        [("api.example.com", 443), ("db.example", 5432), ("a.wild.example", 1), ("1.2.3.4", 80), ("2606:4700::1", 53)]
    {
        assert!(rules.permits_name(host, Some(port)), "{host}:{port}");
    }
    let refused = [
        ("example.com", 443),
        ("xapi.example.com", 443),
        ("db.example", 443),
        ("wild.example", 1),
        ("xwild.example", 1),
        ("1.2.3.5", 80),
        ("2606:4700::1", 54),
        ("api.example.com.evil.test", 443),
    ];
    for (host, port) in refused {
        assert!(!rules.permits_name(host, Some(port)), "{host}:{port}");
    }
    assert!(!hosts(&[]).permits_name("api.example.com", Some(443)), "an empty list is no network");
}

#[tokio::test]
async fn what_resolves_to_a_private_address_is_refused_after_the_look_up() {
    for host in ["127.0.0.1", "127.1", "2130706433", "[::1]", "0"] {
        let refused = rules(NetPolicy::PublicInternet).addresses(host, Some(80)).await.unwrap_err();
        assert!(["EACCES", "ENOTFOUND"].contains(&refused), "{host}: {refused}");
    }
    let mut open = rules(NetPolicy::PublicInternet);
    open.private = PrivateNet::Allowed;
    assert!(open.addresses("127.0.0.1", Some(80)).await.is_ok());
    assert_eq!(open.addresses("10.9.8.7", Some(7876)).await, Err("EACCES"));
}
