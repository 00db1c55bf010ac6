//! The crate's root stays small enough to read at a glance: what is not a headline lives in a public module.

const ROOT: &str = include_str!("../src/lib.rs");

/// The most names at the root.
const MOST: usize = 30;

/// The names that users may import from the root without looking for a module.
const HEADLINES: [&str; 20] = [
    "Barrier",
    "BuildError",
    "Builder",
    "Bytes",
    "Child",
    "Condition",
    "Event",
    "Job",
    "JobError",
    "JobHandle",
    "Lock",
    "Pool",
    "Process",
    "Queue",
    "Run",
    "Semaphore",
    "SubmitError",
    "Value",
    "main",
    "pipe",
];

/// The names that `source` makes public: its public items, and the leaves of its public imports.
fn public_names(source: &str) -> Vec<String> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join(" ");
    let statements = code.split(';').filter_map(|statement| {
        let start = statement.find("pub ")?;
        Some(statement[start + "pub ".len()..].trim())
    });
    let mut names = Vec::new();
    for statement in statements {
        match statement.strip_prefix("use ") {
            Some(tree) => names.extend(leaves(tree)),
            None => names.extend(item_name(statement)),
        }
    }
    names
}

/// The name behind `mod`, `struct`, `fn`, …
fn item_name(item: &str) -> Option<String> {
    let name = item.split_whitespace().nth(1)?;
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    Some(name.chars().take_while(|&character| is_part(character)).collect())
}

/// The names that an import tree brings in.
fn leaves(tree: &str) -> Vec<String> {
    assert!(
        !tree.contains('*'),
        "a glob import hides how many names there are"
    );
    let parts = tree.split([',', '{', '}']).map(str::trim);
    let leaves = parts.filter(|part| !part.is_empty() && !part.ends_with("::"));
    leaves
        .filter_map(|path| path.rsplit([':', ' ']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_root_has_few_names_and_all_headlines() {
    let names = public_names(ROOT);
    assert!(
        names.len() <= MOST,
        "{} names at the root, at most {MOST} are allowed; move some to a public module: {names:?}",
        names.len()
    );
    for headline in HEADLINES {
        assert!(names.iter().any(|name| name == headline), "{headline} is missing");
    }
}

#[test]
fn names_are_counted_in_every_form() {
    let source = "
        // pub use hidden::Comment;
        mod private;
        #[cfg(feature = \"bench\")]
        pub mod bench;
        pub use one::{Two, three::{Four, Five as Six}};
        pub use seven;
        pub struct Eight;
        pub fn nine() {}
    ";
    assert_eq!(
        public_names(source),
        ["bench", "Two", "Four", "Six", "seven", "Eight", "nine"]
    );
}
