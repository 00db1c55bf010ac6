//! What goes to a process and what comes back.

use std::collections::BTreeMap;

use pool::{
    Process, Run,
    process::{JoinErrorKind, StartError},
};
use serde::{Deserialize, Serialize, ser::Error as _};
use tests::PanicsInDecoding;

fn nothing() {}

fn reversed(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().rev().collect()
}

type Kinds = (
    u8,
    i64,
    String,
    Option<bool>,
    (char, f64),
    BTreeMap<String, Vec<u16>>,
);

fn one_of_each(kinds: Kinds, text: String) -> (Kinds, String) {
    (kinds, text)
}

#[expect(
    clippy::many_single_char_names,
    clippy::too_many_arguments,
    reason = "that there are twelve is what matters"
)]
fn a_dozen(
    (a, b, c): (u8, u8, u8),
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    l: u8,
    m: u8,
    n: u8,
) -> Vec<u8> {
    vec![a, b, c, d, e, f, g, h, i, j, k, l, m, n]
}

fn halve(number: u64) -> Result<u64, String> {
    if number.is_multiple_of(2) {
        Ok(number / 2)
    } else {
        Err(format!("{number} is odd"))
    }
}

fn generic<T: Serialize + for<'de> Deserialize<'de> + Default>(value: T) -> (T, T) {
    (value, T::default())
}

pub(crate) fn every_kind_and_size_comes_back() {
    Process::new(nothing, ()).start().unwrap().join().unwrap();
    let map = BTreeMap::from([("one".to_owned(), vec![1, 2])]);
    let kinds = (1, -2, "three".to_owned(), Some(true), ('4', 5.5), map);
    let arguments = (kinds, "text".to_owned());
    let process = Process::new(one_of_each, arguments.clone()).start().unwrap();
    assert_eq!(process.join().unwrap(), arguments);
    let process = Process::new(a_dozen, ((0, 1, 2), 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
        .start()
        .unwrap();
    assert_eq!(process.join().unwrap(), (0..14).collect::<Vec<u8>>());
    let halves: Vec<_> = (6..8)
        .map(|number| Process::new(halve, (number,)).start().unwrap())
        .collect();
    let halves: Vec<_> = halves
        .into_iter()
        .map(|process| process.join().unwrap())
        .collect();
    assert_eq!(halves, [Ok(3), Err("7 is odd".to_owned())]);
    let process = Process::new(generic::<String>, ("a".to_owned(),))
        .start()
        .unwrap();
    assert_eq!(process.join().unwrap(), ("a".to_owned(), String::new()));
    let process = Process::new(|a: u32, b: u32| a.pow(b), (2, 10)).start().unwrap();
    assert_eq!(process.join().unwrap(), 1024);
    let edge = pool::process::MAX_INLINE_BYTES;
    for size in [
        0,
        1,
        edge - 8,
        edge - 1,
        edge,
        edge + 1,
        100_000,
        1 << 20,
        200 << 20,
    ] {
        let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let process = Process::new(reversed, (bytes.clone(),)).start().unwrap();
        assert!(process.join().unwrap() == reversed(bytes), "{size}");
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counter {
    name: String,
    count: u32,
}

impl Run for Counter {
    type Output = Self;

    fn run(mut self) -> Self {
        self.count += 1;
        self
    }
}

pub(crate) fn an_object_runs_in_its_process() {
    let counter = Counter {
        name: "c".to_owned(),
        count: 41,
    };
    let counted = Process::of(counter.clone())
        .name("counter")
        .start()
        .unwrap()
        .join()
        .unwrap();
    assert_eq!((counted.count, counter.count), (42, 41));
}

/// Cannot be encoded.
#[derive(Debug)]
struct Unsendable;

impl Serialize for Unsendable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("refused on purpose"))
    }
}

impl<'de> Deserialize<'de> for Unsendable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// Is encoded, and refuses to be decoded.
#[derive(Debug, Serialize)]
struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("unreadable on purpose"))
    }
}

pub(crate) fn values_that_cannot_travel_are_told() {
    let error = Process::new(|_: Unsendable| (), (Unsendable,))
        .start()
        .unwrap_err();
    assert!(matches!(error, StartError::Arguments(_)), "{error}");
    let kind = |process: pool::Child<Unsendable>| process.join().unwrap_err().kind;
    let unsendable = kind(Process::new(|| Unsendable, ()).start().unwrap());
    assert!(
        matches!(unsendable, JoinErrorKind::Unencodable(_)),
        "{unsendable}"
    );
    let process = Process::new(|_: Unreadable| (), (Unreadable,)).start().unwrap();
    let kind = process.join().unwrap_err().kind;
    assert!(matches!(kind, JoinErrorKind::Undecodable(_)), "{kind}");
    let process = Process::new(|| Unreadable, ()).start().unwrap();
    let kind = process.join().unwrap_err().kind;
    assert!(matches!(kind, JoinErrorKind::UndecodableOutput(_)), "{kind}");
    let process = Process::new(|_: PanicsInDecoding| (), (PanicsInDecoding,))
        .start()
        .unwrap();
    let error = process.join().unwrap_err();
    assert!(error.to_string().contains("in decoding, on purpose"), "{error}");
    assert!(matches!(error.kind, JoinErrorKind::Undecodable(_)), "{error}");
}

/// What it was told, and what others may read of it.
fn told_and_shown(secret: String) -> (String, Vec<u8>, Vec<u8>) {
    let shown = |file: &str| std::fs::read(format!("/proc/self/{file}")).unwrap();
    (secret, shown("cmdline"), shown("environ"))
}

pub(crate) fn other_users_cannot_read_arguments() {
    let program = std::env::current_exe().unwrap();
    let arguments = format!("{}\0--pool-process=keeper\0", program.display());
    // Those of one message, and those that need more room than one has.
    for times in [1, 100_000] {
        let secret = "a horse and a staple".repeat(times);
        let process = Process::new(told_and_shown, (secret.clone(),));
        let process = process.name("keeper").env_clear().env("ASKED", "for");
        let (told, cmdline, environ) = process.start().unwrap().join().unwrap();
        assert!(told == secret, "what it was told");
        assert_eq!(String::from_utf8(cmdline).unwrap(), arguments);
        assert_eq!(String::from_utf8(environ).unwrap(), "ASKED=for\0");
    }
}
