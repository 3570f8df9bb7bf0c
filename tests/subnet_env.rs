//! `subnet.env` is read as a shell that sources it: generated files are compared with `sh` and `bash`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use vtep::lease::{EnvVar, EnvVariable, SubnetEnv, SubnetEnvErrorKind};
use vtep::subnet::Ipv4Cidr;

const FILES: u32 = 400;

/// The pieces of the generated files. None of them is the name of a program or of an existing file.
const PIECES: [&str; 32] = [
    "FLANNEL_SUBNET=",
    "FLANNEL_SUBNET=",
    "FLANNEL_SUBNET=10.5.3.1/24",
    "FLANNEL_MTU=",
    "FLANNEL_MTU=1450",
    "FLANNEL_MTU",
    "10.5.3.1/24",
    "10.5.4.1/24",
    "10.5.3.1",
    "/33",
    "/0",
    "1450",
    "1472",
    "export ",
    "export\t",
    " ",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\\\n",
    "#",
    " # ",
    "'",
    "\"",
    "\\",
    ";",
    "A",
    "=",
    ",",
    "$nothing",
];

/// Prints each variable after the file was sourced: nothing if unset, else `=` and the value.
const SCRIPT: &str = r#"
export PATH=/nowhere
unset FLANNEL_SUBNET FLANNEL_MTU nothing
for file in "$1"/*.env; do
    (
        . "$file" > /dev/null 2> "$file.err" < /dev/null
        printf '%s\0' "${FLANNEL_SUBNET+=$FLANNEL_SUBNET}" "${FLANNEL_MTU+=$FLANNEL_MTU}" > "$file.out"
    )
done 2> /dev/null
exit 0
"#;

/// Whole words and what ends them.
const WORDS: [&str; 8] = [
    "FLANNEL_SUBNET=10.5.3.1/24",
    "FLANNEL_MTU=1450",
    "FLANNEL_SUBNET='10.5.4.1/24'",
    "FLANNEL_MTU=\"1472\"",
    "export FLANNEL_SUBNET=10.5.5.1/24",
    "\nexport FLANNEL_MTU=1400 A",
    "FLANNEL_SUBNET=10.5.6.\\1\\/24",
    "A=' x'",
];
const ENDS: [&str; 5] = [" ", "\n", "\r\n", ";", " # A\n"];

fn generated(rng: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    for _ in 0..rng.usize(1..7) {
        if rng.u8(..3) > 0 {
            text += WORDS[rng.usize(..WORDS.len())];
            text += ENDS[rng.usize(..ENDS.len())];
        } else {
            text += PIECES[rng.usize(..PIECES.len())];
        }
    }
    text
}

/// The two variables in a shell, and true if it complained. `None` if it did not reach the end.
fn shells(file: &Path) -> Option<([Option<String>; 2], bool)> {
    let output = fs::read_to_string(file.with_extension("env.out")).ok()?;
    let complaints = fs::read(file.with_extension("env.err")).unwrap();
    let mut values = output.split('\0').map(|value| value.strip_prefix('=').map(str::to_owned));
    Some(([values.next()?, values.next()?], !complaints.is_empty()))
}

/// The meaning of a value, or `None` if it cannot be read.
fn subnet(value: Option<&str>) -> Option<EnvVar<Ipv4Cidr>> {
    let Some(value) = value else { return Some(EnvVar::Unset) };
    if value.is_empty() {
        return Some(EnvVar::None);
    }
    let cidrs: Vec<Ipv4Cidr> =
        value.split(',').map(|cidr| cidr.parse().ok()).collect::<Option<_>>()?;
    match cidrs[..] {
        [cidr] if cidr.len().value() != 0 => Some(EnvVar::Value(cidr)),
        _ => Some(EnvVar::None),
    }
}

fn mtu(value: Option<&str>) -> Option<EnvVar<u32>> {
    match value {
        None => Some(EnvVar::Unset),
        Some("") => Some(EnvVar::None),
        Some(value) => value.parse().ok().map(EnvVar::Value),
    }
}

/// Returns whether the crate reads `text` as the shell does.
fn agree(text: &str, shell: Option<([Option<String>; 2], bool)>) -> bool {
    let read = text.parse::<SubnetEnv>();
    let Some((values, complained)) = shell else { return read.is_err() };
    let (subnet, mtu) = (self::subnet(values[0].as_deref()), self::mtu(values[1].as_deref()));
    match read.map_err(|error| error.kind) {
        Ok(env) => !complained && subnet == Some(env.subnet) && mtu == Some(env.mtu),
        Err(SubnetEnvErrorKind::Value { variable: EnvVariable::Subnet }) => {
            subnet.is_none() || text.contains("$nothing")
        }
        Err(SubnetEnvErrorKind::Value { variable: EnvVariable::Mtu }) => {
            mtu.is_none() || text.contains("$nothing")
        }
        // A shell reads these at more positions: `export` in quotes and after an assignment, a variable
        // that is no word, a name in two lines. Here they are refused in words.
        Err(SubnetEnvErrorKind::Command) => {
            complained || ["export", "$nothing", "\\"].iter().any(|part| text.contains(part))
        }
        Err(SubnetEnvErrorKind::Unclosed) => complained,
        Err(kind) => matches!(kind, SubnetEnvErrorKind::Special { .. }),
    }
}

/// Says so on the standard error of the process, which the test harness does not hold back.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

#[test]
fn generated_files_are_read_as_shells_read_them() {
    let mut rng = fastrand::Rng::with_seed(11);
    let texts: Vec<String> = (0..FILES).map(|_| generated(&mut rng)).collect();
    let mut asked = 0;
    for shell in ["sh", "bash"] {
        let folder =
            std::env::temp_dir().join(format!("subnet_env-{}-{shell}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |number: usize| folder.join(format!("{number:04}.env"));
        for (number, text) in texts.iter().enumerate() {
            // A shell takes the carriage return for part of the value.
            fs::write(file(number), text.replace("\r\n", "\n")).unwrap();
        }
        let mut command = Command::new(shell);
        command
            .env_clear()
            .args(["-c", SCRIPT, shell])
            .arg(&folder)
            .current_dir(&folder)
            .stdin(Stdio::null());
        match command.status() {
            Ok(status) => assert!(status.success(), "{shell}: {status}"),
            Err(error) => {
                skipped(&format!("{shell}: {error}"));
                continue;
            }
        }
        for (number, text) in texts.iter().enumerate() {
            let answer = shells(&file(number));
            assert!(
                agree(text, answer.clone()),
                "{shell}: {text:?}: {answer:?}, here {:?}",
                text.parse::<SubnetEnv>()
            );
        }
        let _ = fs::remove_dir_all(&folder);
        asked += 1;
    }
    if asked == 0 {
        skipped("no shell was asked");
    }
}

/// Most of the generated files test something.
#[test]
fn generated_files_are_of_every_kind() {
    let mut rng = fastrand::Rng::with_seed(11);
    let mut values = 0;
    let mut faults = [0; 3];
    for _ in 0..FILES {
        match generated(&mut rng).parse::<SubnetEnv>() {
            Ok(env) => {
                values += u32::from(env.subnet.value().is_some() || env.mtu.value().is_some())
            }
            Err(error) => match error.kind {
                SubnetEnvErrorKind::Command => faults[0] += 1,
                SubnetEnvErrorKind::Unclosed => faults[1] += 1,
                _ => faults[2] += 1,
            },
        }
    }
    assert!(values > 80 && faults.iter().all(|count| *count > 10), "{values} {faults:?}");
}
