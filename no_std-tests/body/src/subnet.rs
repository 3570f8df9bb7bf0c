//! Prefixes, pools and the allocator, of both families.

use vtep::subnet::{
    AllocateError, IpPrefix, Ipv4Cidr, Ipv4Prefix, Ipv4PrefixLen, Ipv6Cidr, Ipv6Prefix,
    Ipv6PrefixLen, OtherLease, ParseCidrError, PoolConfig, Prefix, SubnetAllocator,
};

use crate::{Checks, any, v4, v6};

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    prefix_v4(checks);
    prefix_v6(checks);
    pool(checks);
    allocator(checks);
    family(checks);
}

fn prefix_v4(checks: &mut Checks<'_>) {
    checks.is("subnet: length 33", Ipv4PrefixLen::new(any(33)).is_err());
    checks.all("subnet: IPv4 prefix", || {
        let len = Ipv4PrefixLen::new(any(24)).ok()?;
        let prefix = Ipv4Prefix::new(v4(10, 5, 34, 77), len);
        let parsed: Ipv4Prefix = any("10.5.34.0/24").parse().ok()?;
        let halves = prefix.subnets(Ipv4PrefixLen::new(any(25)).ok()?);
        Some(
            prefix == parsed
                && (len.mask(), prefix.len()) == (0xffff_ff00, len)
                && (prefix.address(), prefix.last_address())
                    == (v4(10, 5, 34, 0), v4(10, 5, 34, 255))
                && !prefix.is_default()
                && prefix.contains(v4(10, 5, 34, 1))
                && prefix.contains_prefix(parsed)
                && prefix.overlaps(Ipv4Prefix::DEFAULT)
                && prefix.next() == prefix.nth(any(1))
                && prefix.nth(any(222)).address() == v4(10, 6, 0, 0)
                && halves.count() == 2,
        )
    });
    checks.all("subnet: IPv4 address with a length", || {
        let cidr = Ipv4Cidr::new(v4(255, 255, 255, 255), Ipv4PrefixLen::new(any(32)).ok()?);
        let prefix = cidr.prefix();
        let around = cidr.next() == cidr.next_address() && cidr.next().address() == v4(0, 0, 0, 0);
        let converted = Ipv4Prefix::from(cidr) == prefix && Ipv4Cidr::from(prefix) == cidr;
        let parsed = any("255.255.255.255/32").parse() == Ok(cidr);
        Some(around && converted && parsed && cidr.len().value() == 32)
    });
    let host_bits = any("10.5.34.9/24").parse::<Ipv4Prefix>();
    checks.is("subnet: host bits", host_bits == Err(ParseCidrError::HostBits));
    checks.all("subnet: lengths and families convert", || {
        let lens = (Ipv4PrefixLen::literal::<24>(), Ipv6PrefixLen::literal::<64>());
        let prefix = Ipv4Prefix::new(v4(10, 5, 34, 77), lens.0);
        let either = IpPrefix::from(any(prefix));
        Some(
            any("24").parse() == Ok(lens.0)
                && any("64").parse() == Ok(lens.1)
                && Ipv4PrefixLen::try_from(any(24)) == Ok(lens.0)
                && Ipv6PrefixLen::try_from(any(64)) == Ok(lens.1)
                && (u8::from(lens.0), u8::from(lens.1)) == (24, 64)
                && Ipv4Prefix::try_from(either) == Ok(prefix)
                && Ipv6Prefix::try_from(either).is_err(),
        )
    });
    let no_length = any("10.5.34.0").parse::<Ipv4Cidr>();
    checks.is("subnet: no length", no_length == Err(ParseCidrError::NoLength));
}

fn prefix_v6(checks: &mut Checks<'_>) {
    checks.is("subnet: length 129", Ipv6PrefixLen::new(any(129)).is_err());
    checks.all("subnet: IPv6 prefix", || {
        let len = Ipv6PrefixLen::new(any(64)).ok()?;
        let prefix = Ipv6Prefix::new(v6(77), len);
        let parsed: Ipv6Prefix = any("2001:db8::/64").parse().ok()?;
        let halves = prefix.subnets(Ipv6PrefixLen::new(any(65)).ok()?);
        Some(
            prefix == parsed
                && (len.mask(), prefix.len()) == (!0 << 64, len)
                && prefix.address() == v6(0)
                && prefix.last_address().segments()
                    == [0x2001, 0xdb8, 0, 0, 0xffff, 0xffff, 0xffff, 0xffff]
                && !prefix.is_default()
                && prefix.contains(v6(1))
                && prefix.contains_prefix(parsed)
                && prefix.overlaps(Ipv6Prefix::DEFAULT)
                && prefix.next() == prefix.nth(any(1))
                && halves.count() == 2,
        )
    });
    checks.all("subnet: IPv6 address with a length", || {
        let cidr = Ipv6Cidr::new(v6(1), Ipv6PrefixLen::new(any(128)).ok()?);
        let prefix = cidr.prefix();
        let next = cidr.next() == cidr.next_address() && cidr.next().address() == v6(2);
        let converted = Ipv6Prefix::from(cidr) == prefix && Ipv6Cidr::from(prefix) == cidr;
        let parsed = any("2001:db8::1/128").parse() == Ok(cidr);
        Some(next && converted && parsed && cidr.len().value() == 128)
    });
}

fn pool(checks: &mut Checks<'_>) {
    checks.all("subnet: flannel's pool", || {
        let network: Ipv4Prefix = any("10.5.0.0/16").parse().ok()?;
        let pool = PoolConfig::new(network).pool().ok()?;
        let first = pool.first(any(2));
        Some(
            (pool.network(), pool.subnet_len(), pool.count()) == (network, 24, 255)
                && pool.min() == any("10.5.1.0/24").parse().ok()?
                && pool.max() == any("10.5.255.0/24").parse().ok()?
                && pool.nth(any(254)) == Some(pool.max())
                && pool.index_of(pool.max()) == Some(254)
                && pool.contains(pool.min())
                && first.subnets().count() == 2,
        )
    });
    checks.all("subnet: an IPv6 pool", || {
        let network: Ipv6Prefix = any("fd00:5::/48").parse().ok()?;
        let pool = PoolConfig::new(network).pool().ok()?;
        let last = pool.nth(pool.count() - 1)?;
        Some(
            (pool.network(), pool.subnet_len(), pool.count()) == (network, 64, 65_535)
                && (pool.min(), pool.max()) == (pool.nth(any(0))?, last)
                && pool.index_of(last) == Some(65_534)
                && pool.contains(last)
                && pool.first(any(3)).subnets().count() == 3,
        )
    });
    checks.is("subnet: no network", PoolConfig::new(any(Ipv4Prefix::DEFAULT)).pool().is_err());
}

fn allocator(checks: &mut Checks<'_>) {
    checks.all("subnet: leases", || {
        let (mut words, mut others) = ([0; 8], [OtherLease::<Ipv4Prefix>::EMPTY; 2]);
        let pool = PoolConfig::new(any("10.3.0.0/16").parse().ok()?).pool().ok()?;
        let needed = SubnetAllocator::words(&pool);
        let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).ok()?;
        subnets.reserve(any("10.3.1.0/24").parse().ok()?).ok()?;
        subnets.reserve(any("10.3.4.0/22").parse().ok()?).ok()?;
        let chosen = subnets.choose(|count| count / 2).ok()?;
        let mine = subnets.allocate(|count| count / 2).ok()?;
        let was_taken = !subnets.is_free(mine);
        subnets.release(mine);
        Some(
            needed <= 8
                && chosen == mine
                && was_taken
                && subnets.is_free(mine)
                && subnets.candidates().next() == Some(any("10.3.2.0/24").parse().ok()?)
                && subnets.pool().count() == 255,
        )
    });
    checks.all("subnet: until there are none", || {
        let (mut words, mut others) = ([0; 2], []);
        let pool = PoolConfig::new(any("fd00::/61").parse::<Ipv6Prefix>().ok()?).pool().ok()?;
        let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).ok()?;
        let taken = (0..10).map_while(|_| subnets.allocate(|_| any(u32::MAX)).ok()).count();
        let end = subnets.allocate(|count| count).err();
        Some(taken == 7 && end == Some(AllocateError::OutOfSubnets))
    });
    checks.all("subnet: too little storage", || {
        let pool = PoolConfig::new(any("10.3.0.0/16").parse::<Ipv4Prefix>().ok()?).pool().ok()?;
        Some(SubnetAllocator::new(pool, &mut [0; 1], &mut []).is_err())
    });
}

/// The trait that both families have.
fn family(checks: &mut Checks<'_>) {
    fn rebuilt<P: Prefix>(prefix: P) -> bool {
        let (first, last) = (prefix.first_bits(), prefix.last_bits());
        let address = P::address_from_bits(first);
        P::from_bits(last, prefix.bit_len()) == Some(prefix)
            && P::address_bits(address) == first
            && P::from_bits(first, any(129)).is_none()
    }
    let v4_len = Ipv4PrefixLen::new(any(9)).unwrap_or(Ipv4PrefixLen::ZERO);
    let v6_len = Ipv6PrefixLen::new(any(99)).unwrap_or(Ipv6PrefixLen::ZERO);
    checks.is("subnet: IPv4 in 128 bits", rebuilt(Ipv4Prefix::new(v4(1, 2, 3, 4), v4_len)));
    checks.is("subnet: IPv6 in 128 bits", rebuilt(Ipv6Prefix::new(v6(1), v6_len)));
    let of_v4 = |text| <Ipv4Prefix as Prefix>::parse_address(any(text));
    let of_v6 = |text| <Ipv6Prefix as Prefix>::parse_address(any(text));
    checks.is(
        "subnet: addresses in text",
        (of_v4("10.5.34.0"), of_v6("2001:db8::9")) == (Some(v4(10, 5, 34, 0)), Some(v6(9))),
    );
    checks.is(
        "subnet: the other family's text",
        (of_v4("2001:db8::9"), of_v6("10.5.34.0")) == (None, None),
    );
}
