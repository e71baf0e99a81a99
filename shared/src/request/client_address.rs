//! Client addresses: where a request comes from, as far as it is proven, and in which networks it is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of a client in canonical form: an IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`) is that IPv4
/// address.
///
/// No request is without one: clients whose address nobody tells share [`ClientAddress::UNKNOWN`], and are limited
/// together. So there is nothing to leave out that would switch a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(Option<IpAddr>);

/// How wide a network is in which clients are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// A host or, of IPv6, the smallest network that is given to anybody: /32, /64.
    Host,
    /// What a household or an office is given: /24, /56.
    Site,
    /// What a company or a small provider is given: /24, /48.
    Organisation,
}

impl Tier {
    /// Its prefixes of IPv4 and of IPv6, in bits.
    fn prefixes(self) -> (u8, u8) {
        match self {
            Self::Host => (32, 64),
            Self::Site => (24, 56),
            Self::Organisation => (24, 48),
        }
    }
}

impl ClientAddress {
    /// The address of all who don't have one.
    pub const UNKNOWN: Self = Self(None);

    /// The address; `None` of a client that has none, for records only.
    pub fn ip(self) -> Option<IpAddr> {
        self.0
    }

    /// The network of this tier that it is in: the name of the bucket in which it is counted.
    pub fn network(self, tier: Tier) -> String {
        let Some(ip) = self.0 else {
            return "unknown".to_owned();
        };
        let (v4, v6) = tier.prefixes();
        let bits = if ip.is_ipv4() { v4 } else { v6 };
        AddressBlock {
            ip: masked(ip, bits),
            bits,
        }
        .to_string()
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(ip: IpAddr) -> Self {
        Self(Some(ip.to_canonical()))
    }
}

/// A block of addresses, in CIDR notation (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBlock {
    ip: IpAddr,
    bits: u8,
}

impl AddressBlock {
    /// The block that `text` writes. Of an address, the bits beyond the prefix are left out.
    pub fn parse(text: &str) -> Option<Self> {
        let (ip, bits) = match text.trim().split_once('/') {
            Some((ip, bits)) => (ip, Some(bits.parse::<u8>().ok()?)),
            None => (text.trim(), None),
        };
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then(|| Self {
            ip: masked(ip, bits),
            bits,
        })
    }

    /// Whether `address` is in the block. One that nobody tells is in none.
    pub fn contains(&self, address: ClientAddress) -> bool {
        address
            .ip()
            .is_some_and(|ip| ip.is_ipv4() == self.ip.is_ipv4() && masked(ip, self.bits) == self.ip)
    }
}

impl std::fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

/// The address without the bits beyond the first `bits`.
fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientAddress {
        ClientAddress::from(text.parse::<IpAddr>().expect("an address"))
    }

    #[test]
    fn clients_are_counted_by_their_networks() {
        for (text, host, site, organisation) in [
            ("203.0.113.9", "203.0.113.9/32", "203.0.113.0/24", "203.0.113.0/24"),
            (
                "::ffff:203.0.113.9",
                "203.0.113.9/32",
                "203.0.113.0/24",
                "203.0.113.0/24",
            ),
            (
                "2001:db8:1:2345:6:7:8:9",
                "2001:db8:1:2345::/64",
                "2001:db8:1:2300::/56",
                "2001:db8:1::/48",
            ),
        ] {
            let networks = [Tier::Host, Tier::Site, Tier::Organisation].map(|tier| address(text).network(tier));
            assert_eq!(networks, [host, site, organisation], "{text}");
        }
        assert_eq!(ClientAddress::UNKNOWN.network(Tier::Host), "unknown");
    }

    #[test]
    fn a_block_has_the_addresses_of_its_prefix() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.200.3.4", "11.0.0.1"),
            ("10.1.2.3/8", "10.200.3.4", "11.0.0.1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "10.0.0.1"),
        ] {
            let parsed = AddressBlock::parse(block).expect("a block");
            assert!(parsed.contains(address(inside)), "{block}: {inside}");
            assert!(!parsed.contains(address(outside)), "{block}: {outside}");
            assert!(!parsed.contains(ClientAddress::UNKNOWN));
        }
        for wrong in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "example.com",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(AddressBlock::parse(wrong), None, "{wrong}");
        }
    }
}
