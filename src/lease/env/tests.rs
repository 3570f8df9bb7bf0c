use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// As flanneld v0.20.2 left it, with `vxlan`.
const FLANNELD: &str = "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n";

fn subnet(text: &str) -> EnvVar<Ipv4Cidr> {
    EnvVar::Value(text.parse().unwrap())
}

fn error(line: usize, kind: SubnetEnvErrorKind) -> SubnetEnvError {
    SubnetEnvError { line, kind }
}

fn wrong(line: usize, variable: EnvVariable) -> SubnetEnvError {
    error(line, SubnetEnvErrorKind::Value { variable })
}

#[test]
fn reads_and_writes_flanneld_s_file() {
    let env = FLANNELD.parse::<SubnetEnv>().unwrap();
    assert_eq!(env.network, EnvVar::Value("10.5.0.0/16".parse().unwrap()));
    assert_eq!(env.subnet, subnet("10.5.3.1/24"));
    assert_eq!((env.mtu, env.ip_masq), (EnvVar::Value(1450), EnvVar::Value(false)));
    assert_eq!(env.ipv6_subnet.value(), None);
    assert_eq!(env.to_string(), FLANNELD);
    let dual = "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.3.1/24\nFLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:3::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
    assert_eq!(dual.parse::<SubnetEnv>().unwrap().to_string(), dual);
    let built = SubnetEnv::default()
        .with_ipv4("10.5.0.0/16".parse().unwrap(), "10.5.3.1/24".parse().unwrap())
        .with_mtu(1450);
    assert_eq!(built.with_ip_masq(false).to_string(), FLANNELD);
    let built = built
        .with_ipv6("fc00::/48".parse().unwrap(), "fc00:0:0:3::1/64".parse().unwrap())
        .with_ip_masq(true);
    assert_eq!(built.to_string(), dual);
}

/// flannel `pkg/subnet/subnet_test.go`: ReadCIDRsFromSubnetFile.
#[test]
fn flannels_lists() {
    let prefixes = |list| -> Vec<String> {
        cidrs::<Ipv4Cidr>(list).flatten().map(|cidr| cidr.prefix().to_string()).collect()
    };
    let list = "10.244.1.0/24,not-a-cidr,10.244.2.0/24";
    assert_eq!(prefixes(list), ["10.244.1.0/24", "10.244.2.0/24"]);
    assert!(prefixes("not-a-cidr").is_empty());
    let list = "fc00:1::/64,not-a-cidr,fc00:2::/64";
    assert_eq!(cidrs::<Ipv6Cidr>(list).flatten().count(), 2);
    assert_eq!(cidrs::<Ipv6Cidr>("not-a-cidr").flatten().count(), 0);
}

#[test]
fn a_list_tells_nothing_from_something_unreadable() {
    let list = |text| cidrs::<Ipv4Cidr>(text).collect::<Vec<_>>();
    assert_eq!(list(""), []);
    let no_length = Err(ParseCidrError::NoLength);
    let too_long = Err(ParseCidrError::Length { max: 32 });
    assert_eq!(list(","), [no_length, no_length]);
    assert_eq!(list("10.1.0.0/33,x"), [too_long, no_length]);
    assert_eq!(list("10.1.0.0/16, 10.2.0.0/16")[1], Err(ParseCidrError::Address));
}

/// A value that flannel's reader calls empty is `None`; one that it logs as an error is an error.
#[test]
fn unset_none_and_unreadable_are_three_answers() {
    let read = |value: &str| {
        format!("A=1\nFLANNEL_SUBNET={value}\n").parse::<SubnetEnv>().map(|env| env.subnet)
    };
    assert_eq!("A=1\n".parse::<SubnetEnv>(), Ok(SubnetEnv::default()));
    assert_eq!(SubnetEnv::default().subnet, EnvVar::Unset);
    for none in
        ["", "''", "\"\"", "0.0.0.0/0", "0.0.0.1/0", "10.1.0.0/0", "10.1.0.1/24,10.2.0.1/24"]
    {
        assert_eq!(read(none), Ok(EnvVar::None), "{none}");
    }
    for unreadable in [
        "10.5.3.1/33",
        "10.5.3.1/24#",
        "10.5.3.1",
        "fd00::1/64",
        "0.0.0.0",
        "null",
        "10.5.3.1/24,",
        "x,10.5.3.1/24",
        "10.1.0.1/24,10.2.0.1/24,x",
        "' 10.5.3.1/24'",
        "\u{661}0.5.3.1/24",
        "$subnet",
        "\"10.5.3.1\\/24\"",
        "'10.5.3.1\\/24'",
        "000000000000000000000000000000000000000000000000000000000010.5.3.1/24",
    ] {
        assert_eq!(read(unreadable), Err(wrong(2, EnvVariable::Subnet)), "{unreadable}");
    }
    let none_v6 =
        "FLANNEL_IPV6_NETWORK=::/0\nFLANNEL_IPV6_SUBNET=::1/0\nFLANNEL_MTU=\nFLANNEL_IPMASQ=\n";
    let env = none_v6.parse::<SubnetEnv>().unwrap();
    assert_eq!((env.ipv6_network, env.ipv6_subnet), (EnvVar::None, EnvVar::None));
    assert_eq!((env.mtu, env.ip_masq), (EnvVar::None, EnvVar::None));
    assert_eq!(env.docker().to_string(), "");
}

#[test]
fn each_variable_says_that_it_is_unreadable() {
    for (value, variable) in [
        ("10.1.0.0/33", EnvVariable::Network),
        ("10.1.0.1/33", EnvVariable::Subnet),
        ("fd00::/129", EnvVariable::Ipv6Network),
        ("10.1.0.1/24", EnvVariable::Ipv6Subnet),
        ("4294967296", EnvVariable::Mtu),
        ("-1", EnvVariable::Mtu),
        ("+1", EnvVariable::Mtu),
        ("01450", EnvVariable::Mtu),
        ("1450k", EnvVariable::Mtu),
        ("1", EnvVariable::IpMasq),
        ("True", EnvVariable::IpMasq),
    ] {
        let text = format!("\n{}={value}", variable.as_str());
        assert_eq!(text.parse::<SubnetEnv>(), Err(wrong(2, variable)), "{text}");
    }
    assert_eq!("FLANNEL_MTU=0".parse::<SubnetEnv>().unwrap().mtu, EnvVar::Value(0));
}

/// flannel `dist/mk-docker-opts_tests.sh`.
#[test]
fn flannels_docker_options() {
    let text = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";
    let docker = text.parse::<SubnetEnv>().unwrap().docker();
    assert_eq!(docker.to_string(), "--bip=10.1.74.1/24 --ip-masq=true --mtu=1472");
    let only_mtu = "FLANNEL_MTU=1472".parse::<SubnetEnv>().unwrap().docker();
    assert_eq!(only_mtu.to_string(), "--mtu=1472");
}

/// `tests/subnet_env.rs` compares generated files with a shell; these are its results for some.
#[test]
fn reads_what_a_shell_reads() {
    for text in [
        "FLANNEL_SUBNET=10.5.3.1/24 # node3",
        "FLANNEL_SUBNET=10.5.3.1/24\t#",
        "export\tFLANNEL_SUBNET=10.5.3.1/24",
        " export \t A FLANNEL_SUBNET=10.5.3.1/24 B",
        "FLANNEL_SUBNET=10.5.3.1/24\nexport FLANNEL_SUBNET FLANNEL_MTU",
        "A=1 FLANNEL_SUBNET=10.5.3.1/24 B='x y'",
        "A=1;FLANNEL_SUBNET=10.5.3.1/24;",
        "A=1 ; export B; FLANNEL_SUBNET=10.5.3.1/24 ; # c",
        "FLANNEL_SUBNET=\"10.5.3.1/24\"",
        "FLANNEL_SUBNET='10.5.3.1'\"/\"24",
        "FLANNEL_SUBNET=\"10.5.\\\n3.1/24\"",
        "FLANNEL_SUBNET=10.5.\\\n3.1/24",
        "FLANNEL_SUBNET=10.5.\\\r\n3.1/24",
        "\\\n FLANNEL_SUBNET=10.5.3.1\\/24",
        "A=1 \\\nFLANNEL_SUBNET=10.5.3.1/24",
        "A='x\nFLANNEL_SUBNET=10.1.1.1/24'\nFLANNEL_SUBNET=10.5.3.1/24",
        "FLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_SUBNET=10.5.3.1/24",
        "FLANNEL_SUBNET=10.1.1.1/33\nFLANNEL_SUBNET=10.5.3.1/24",
        "export 'FLANNEL_SUBNET=10.5.3.1/24'",
        "# FLANNEL_SUBNET=10.1.1.1/24 \\\nFLANNEL_SUBNET=10.5.3.1/24",
        "# lease\r\n\r\nFLANNEL_SUBNET=10.5.3.1/24\r\n",
        "FLANNEL_SUBNET=10.5.3.1/24\r",
        "\u{feff}FLANNEL_SUBNET=10.5.3.1/24",
        "PATH=$PATH:/x _a1=\"$HOME\" B='$(`<' C=\"|&;\\\"\\q\"\nFLANNEL_SUBNET=10.5.3.1/24",
        "FLANNEL_SUBNETS=x\nXFLANNEL_SUBNET=x\nFLANNEL_SUBNET=10.5.3.1/24",
    ] {
        assert_eq!(
            text.parse::<SubnetEnv>().map(|env| env.subnet),
            Ok(subnet("10.5.3.1/24")),
            "{text:?}"
        );
    }
}

#[test]
fn refuses_what_a_shell_would_run() {
    use SubnetEnvErrorKind::{Command, Unclosed};
    let special = |character| SubnetEnvErrorKind::Special { character };
    for (text, line, kind) in [
        ("\nFLANNEL_MTU", 2, Command),
        ("FLANNEL_MTU = 1450", 1, Command),
        ("FLANNEL_MTU= 1450", 1, Command),
        ("A=1\nA='\n\n' x", 4, Command),
        ("A=1 \\\nx", 2, Command),
        ("A=1 export B=2", 1, Command),
        ("export -p", 1, Command),
        ("export ''", 1, Command),
        ("exporting A=1", 1, Command),
        ("'A'=1", 1, Command),
        ("\"\"A=1", 1, Command),
        ("\\A=1", 1, Command),
        ("A\\\n=1", 1, Command),
        ("=1", 1, Command),
        ("1A=1", 1, Command),
        ("A-B=1", 1, Command),
        ("A\r=1", 1, Command),
        ("A+=1", 1, Command),
        ("\u{feff}\u{feff}A=1", 1, Command),
        ("\u{a0}A=1", 1, Command),
        ("A=1\nA='1", 2, Unclosed),
        ("A=\"1\\\"", 1, Unclosed),
        ("A=$(x)", 1, special('$')),
        ("A=\"${B}\"", 1, special('$')),
        ("A=$", 1, special('$')),
        ("A=\"`x`\"", 1, special('`')),
        ("A=`x`", 1, special('`')),
        ("A=1|x", 1, special('|')),
        ("A=1&", 1, special('&')),
        ("A=(1)", 1, special('(')),
        ("A=)", 1, special(')')),
        ("A=<x", 1, special('<')),
        ("A=>x", 1, special('>')),
        ("A='\0'", 1, special('\0')),
        (";", 1, special(';')),
        ("A=1;;", 1, special(';')),
        ("A=1\n;", 2, special(';')),
    ] {
        assert_eq!(text.parse::<SubnetEnv>(), Err(error(line, kind)), "{text:?}");
    }
}

#[test]
fn a_file_cut_short_says_less_or_is_refused() {
    let whole = FLANNELD.parse::<SubnetEnv>().unwrap();
    for end in 0..FLANNELD.len() - 1 {
        assert_ne!(FLANNELD[..end].parse::<SubnetEnv>(), Ok(whole), "{end}");
    }
}

#[test]
fn what_is_written_reads_back() {
    fn holds(v4: u32, v6: u128, mtu: u32, states: [u8; 6]) -> bool {
        fn var<T>(state: u8, value: T) -> EnvVar<T> {
            [EnvVar::Unset, EnvVar::None, EnvVar::Value(value)]
                .into_iter()
                .nth(state.into())
                .unwrap()
        }
        let [a, b, c, d, e, f] = states.map(|state| state % 3);
        let v4 = Ipv4Cidr::new(v4.into(), "10.0.0.0/9".parse::<Ipv4Cidr>().unwrap().len());
        let v6 = Ipv6Cidr::new(v6.into(), "fd00::/9".parse::<Ipv6Cidr>().unwrap().len());
        let env = SubnetEnv {
            network: var(a, v4.prefix()),
            subnet: var(b, v4),
            ipv6_network: var(c, v6.prefix()),
            ipv6_subnet: var(d, v6),
            mtu: var(e, mtu),
            ip_masq: var(f, mtu % 2 == 0),
        };
        env.to_string().parse::<SubnetEnv>() == Ok(env)
    }
    fn case(v4: u32, v6: (u64, u64), mtu: u32, states: (u8, u8, u8, u8, u8, u8)) -> bool {
        let (a, b, c, d, e, f) = states;
        holds(v4, u128::from(v6.0) << 64 | u128::from(v6.1), mtu, [a, b, c, d, e, f])
    }
    quickcheck::quickcheck(case as fn(u32, (u64, u64), u32, (u8, u8, u8, u8, u8, u8)) -> bool);
}

#[test]
fn any_text_is_read_or_refused() {
    fn holds(pieces: Vec<u8>, text: String) -> bool {
        const PIECES: [&str; 16] = [
            "FLANNEL_MTU=",
            "FLANNEL_SUBNET=",
            "export ",
            "\"",
            "'",
            "\\",
            "$",
            "\n",
            "\r",
            " ",
            ";",
            "#",
            "10.5.3.1/24",
            ",",
            "A",
            "=",
        ];
        let mut all: String = pieces.iter().map(|piece| PIECES[usize::from(*piece) % 16]).collect();
        all += &text;
        let _ = all.parse::<SubnetEnv>();
        true
    }
    quickcheck::quickcheck(holds as fn(Vec<u8>, String) -> bool);
}
