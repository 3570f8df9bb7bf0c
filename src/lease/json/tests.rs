use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

#[test]
fn reads_the_members_of_an_object_in_order() {
    let text = r#" { "a" : 1 , "b":[{"a":2}, null],"\u0061":"x\ny" } "#;
    let object = RawJson::parse(text).unwrap();
    let members: Vec<_> = object.members().unwrap().collect();
    let names: Vec<String> = members.iter().map(|m| m.name.chars().collect()).collect();
    assert_eq!(names, ["a", "b", "a"]);
    assert_eq!(members[0].value.as_u64(), Some(1));
    assert_eq!(members[1].value.get(), r#"[{"a":2}, null]"#);
    assert_eq!(members[1].value.members().map(Iterator::count), None);
    assert_eq!(members[2].value.as_str().unwrap(), "x\ny");
    assert_eq!(&object.get()[members[2].offset..][..4], "\"x\\n");
}

#[test]
fn refuses_what_rfc_8259_refuses_and_says_where() {
    for (text, offset) in [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("}", 0),
        ("[1,]", 3),
        ("[1}", 2),
        ("{,}", 1),
        (r#"{"a"}"#, 4),
        (r#"{"a":}"#, 5),
        (r#"{"a":1,}"#, 7),
        (r#"{"a":1"b":2}"#, 6),
        ("{a:1}", 1),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        (".5", 0),
        ("1e", 2),
        ("+1", 0),
        ("tru", 3),
        ("nul1", 3),
        ("NaN", 0),
        ("1 2", 2),
        ("\"", 1),
        ("\"\n\"", 1),
        (r#""\x""#, 2),
        (r#""\u12g4""#, 5),
        ("'a'", 0),
        ("\u{a0}1", 0),
    ] {
        assert_eq!(RawJson::parse(text).unwrap_err().offset, offset, "{text:?}");
    }
}

/// RFC 8259 section 7: U+0000 to U+001F must be escaped, and no other but `"` and `\`.
#[test]
fn control_characters_are_escaped_or_refused() {
    for byte in 0..=0x9f_u8 {
        let c = char::from(byte);
        let [text, object] = [format!("\"a{c}\""), format!("{{\"a{c}\":1}}")];
        let is_string = byte >= 0x20 && !matches!(c, '"' | '\\');
        assert_eq!(RawJson::parse(&text).is_ok(), is_string, "{c:?}");
        assert_eq!(RawJson::parse(&object).is_ok(), is_string, "{c:?}");
        if byte < 0x20 {
            let kind = JsonErrorKind::Unexpected { byte };
            assert_eq!(RawJson::parse(&text), Err(JsonError { offset: 2, kind }));
            let escaped = format!(r#""\u{byte:04x}""#);
            assert_eq!(RawJson::parse(&escaped).unwrap().as_str().unwrap(), c.to_string().as_str());
        }
        // Section 2: four of them are white space between values.
        let is_space = matches!(c, ' ' | '\t' | '\n' | '\r');
        assert_eq!(RawJson::parse(&format!("[{c}1{c},{c}2{c}]{c}")).is_ok(), is_space, "{c:?}");
    }
}

#[test]
fn nests_so_deep_and_no_deeper() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(RawJson::parse(&nested(64)).is_ok());
    let error = RawJson::parse(&nested(65)).unwrap_err();
    assert_eq!(error, JsonError { offset: 64, kind: JsonErrorKind::TooDeep });
    assert!(RawJson::parse(&"[".repeat(1 << 20)).is_err());
}

#[test]
fn unescapes_as_go_does() {
    for (text, content) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\u20AC""#, "\u{e9}\u{20ac}"),
        (r#""\ud83d\ude00""#, "\u{1f600}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ude00x\ud83d""#, "\u{fffd}x\u{fffd}"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
    ] {
        assert_eq!(RawJson::parse(text).unwrap().as_str().unwrap(), content, "{text}");
    }
}

#[test]
fn folds_names_as_go_does() {
    let name = JsonString::new("\u{17f}UBNETlen");
    assert!(name.eq_folded("SubnetLen") && !name.eq_folded("SubnetMin"));
    assert!(JsonString::new("networ\u{212a}").eq_folded("Network"));
    assert!(!JsonString::new("Network ").eq_folded("Network"));
}

#[test]
fn prints_as_go_does() {
    let printed = |text| RawJson::parse(text).unwrap().to_string();
    assert_eq!(printed("{ \"a b\" : [ 1,\t2 ] }"), r#"{"a b":[1,2]}"#);
    assert_eq!(printed(r#""a\" <&>""#), r#""a\" \u003c\u0026\u003e""#);
    let string = JsonString::new("\u{1}\u{8}\"<\u{2028}\u{7f}\u{e9}").to_string();
    assert_eq!(string, "\"\\u0001\\b\\\"\\u003c\\u2028\u{7f}\u{e9}\"");
}

#[test]
fn a_text_cut_short_is_none() {
    let text = r#"{"a":[true,false,null,-1.5e+3,"\u00e9\n"],"b":{}}"#;
    for end in 0..text.len() {
        let error = JsonError { offset: end, kind: JsonErrorKind::End };
        assert_eq!(RawJson::parse(&text[..end]), Err(error), "{end}");
    }
}

#[test]
fn agrees_with_serde_json() {
    fn holds(bytes: Vec<u8>) -> bool {
        // JSON's own characters, so that some of the texts are JSON.
        const ALPHABET: &[u8] = br#"{}[],:"\u0e1-+.tn "#;
        let pieces = ["true", "null", "\"a\":", "\"\\ud83d\"", "{\"b\":", "[1,"];
        let mut text = String::new();
        for byte in bytes {
            match ALPHABET.get(usize::from(byte) % 32) {
                Some(c) => text.push(char::from(*c)),
                None => text.push_str(pieces[usize::from(byte) % 32 % pieces.len()]),
            }
        }
        match (RawJson::parse(&text), serde_json::from_str::<&serde_json::value::RawValue>(&text)) {
            (Ok(ours), Ok(theirs)) => ours.get() == theirs.get(),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }
    quickcheck::QuickCheck::new().tests(20_000).quickcheck(holds as fn(Vec<u8>) -> bool);
}

#[test]
fn a_printed_string_reads_back() {
    fn holds(text: String) -> bool {
        let printed = JsonString::new(&text).to_string();
        let theirs: String = serde_json::from_str(&printed).unwrap();
        RawJson::parse(&printed).unwrap().as_str().unwrap() == text.as_str() && theirs == text
    }
    quickcheck::quickcheck(holds as fn(String) -> bool);
}
