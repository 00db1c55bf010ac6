//! The layers of the workspace: which part may import which.
//!
//! The tables below are the rules; they say the same as the drawing in CONTRIBUTING.md. A new file in one
//! of these folders needs an entry here.

use std::path::Path;

use tests::imports::{self, Imports, Texts};

/// Folders with their layers, lowest first. A file may import from its own part and from those in lower layers;
/// parts of one layer must not import each other. The `lib.rs` or `mod.rs` of the folder is outside: it may import all,
/// and all may use what it defines itself.
const LAYERS: &[(&str, &[&[&str]])] = &[
    (
        "",
        &[
            &["protocol/src/", "worker/expression/src/"],
            &["protocol/sync/src/"],
            &["pool/src/", "worker/src/"],
            &["cli/src/"],
            &["tests/src/"],
        ],
    ),
    (
        "protocol/src/",
        &[
            &["job/", "memory/"],
            &["payload/"],
            &["board/"],
            &["message/"],
            &["child/"],
        ],
    ),
    (
        "protocol/sync/src/",
        &[
            &["word/"],
            &["heap/"],
            &["item_error.rs", "lock_error.rs"],
            &["object/"],
            &[
                "barrier.rs",
                "event.rs",
                "lock.rs",
                "semaphore.rs",
                "typed_channel.rs",
            ],
            &["queue.rs", "value.rs"],
            &["condition.rs", "pipe.rs"],
        ],
    ),
    (
        "worker/expression/src/",
        &[
            &["error.rs", "limits.rs"],
            &["budget.rs"],
            &["object/"],
            &["text/"],
            &["operator/"],
            &["builtins/", "calculator.rs"],
            &["machine/"],
            &["syntax/"],
            &["value/"],
            &["expression.rs"],
            &["evaluator.rs"],
        ],
    ),
    (
        "pool/src/",
        &[
            &["captured.rs", "guide.rs", "policy.rs"],
            &["scheduler/"],
            &["failure/"],
            &["hooks.rs", "outcome/", "spawn/"],
            &["job/", "process/"],
            &["driver/"],
            &["bench.rs", "handle.rs", "stats.rs", "stream/"],
            &["map/"],
            &["pool.rs"],
            &["builder.rs"],
        ],
    ),
    (
        "pool/src/driver/",
        &[
            &["log.rs", "planted.rs", "signal.rs", "worker/"],
            &["settings.rs"],
            &["core.rs"],
            &["intake.rs", "perform.rs", "progress.rs", "spin_wait.rs"],
            &["thread/"],
        ],
    ),
];

/// Files that must not import each other: only the `Scheduler` joins them.
const INDEPENDENT: &[&str] = &[
    "pool/src/scheduler/budget.rs",
    "pool/src/scheduler/in_flight.rs",
    "pool/src/scheduler/pace.rs",
    "pool/src/scheduler/queue.rs",
    "pool/src/scheduler/roster.rs",
];

/// Folders that import only the named files from outside.
const SEALED: &[(&str, &[&str])] = &[("pool/src/scheduler/", &["pool/src/policy.rs"])];

/// Crates and folders that only the named files import.
const HIDDEN: &[(&str, &[&str])] = &[(
    "worker/expression/src/",
    &[
        "worker/src/eval.rs",
        "worker/src/lib.rs",
        "cli/src/setup.rs",
        "tests/src/",
    ],
)];

/// External crates that only one file names.
const NAMED_ONCE: &[(&str, &str)] = &[("ipc_channel", "protocol/src/message/link.rs")];

/// The layer and the part of a file of a folder.
fn place<'a>(folder: &str, layers: &[&[&'a str]], file: &str) -> Option<(usize, &'a str)> {
    let file = file.strip_prefix(folder)?;
    let parts =
        |(layer, parts): (usize, &&[&'a str])| parts.iter().map(|part| (layer, *part)).collect::<Vec<_>>();
    layers
        .iter()
        .enumerate()
        .flat_map(parts)
        .find(|(_, part)| file.starts_with(part))
}

/// What breaks the rules, one line each.
fn complaints(texts: &Texts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (from, to, names) in Imports::of(texts).iter() {
        let mut complain = |why: &str| complaints.push(format!("{from} imports {to} ({names:?}): {why}"));
        for (folder, layers) in LAYERS {
            if let (Some(from), Some(to)) = (place(folder, layers, from), place(folder, layers, to))
                && from != to
                && from.0 <= to.0
            {
                complain(&format!("{} is not above {}", from.1, to.1));
            }
        }
        if INDEPENDENT.contains(&from) && INDEPENDENT.contains(&to) {
            complain("these must not import each other");
        }
        let starts = |file: &str, parts: &[&str]| parts.iter().any(|part| file.starts_with(part));
        for (folder, outside) in SEALED {
            if starts(from, &[folder]) && !starts(to, &[folder]) && !starts(to, outside) {
                complain(&format!("{folder} imports only {outside:?}"));
            }
        }
        for (folder, users) in HIDDEN {
            if starts(to, &[folder]) && !starts(from, &[folder]) && !starts(from, users) {
                complain(&format!("only {users:?} may"));
            }
        }
    }
    for (name, only) in NAMED_ONCE {
        let others = imports::naming(texts, name).filter(|file| file != only);
        complaints.extend(others.map(|file| format!("{file} names {name}: only {only} may")));
    }
    complaints
}

/// Files without a layer, and rules about files that do not exist.
fn misplaced(texts: &Texts) -> Vec<String> {
    let (imports, mut misplaced) = (Imports::of(texts), Vec::new());
    for (folder, layers) in LAYERS {
        let is_face = |file: &str| matches!(file.strip_prefix(folder), Some("lib.rs" | "mod.rs"));
        let inside = |file: &&str| file.starts_with(folder) && !is_face(file);
        let unplaced = imports
            .files()
            .filter(inside)
            .filter(|file| place(folder, layers, file).is_none());
        misplaced.extend(unplaced.map(|file| format!("{file} has no layer in {folder:?}")));
        let parts = layers
            .iter()
            .copied()
            .flatten()
            .map(|part| format!("{folder}{part}"));
        let rules = parts.chain(INDEPENDENT.iter().map(|file| (*file).to_owned()));
        let unused = rules.filter(|rule| !texts.keys().any(|file| file.starts_with(rule)));
        misplaced.extend(unused.map(|rule| format!("{rule} has a rule and does not exist")));
    }
    misplaced
}

fn workspace() -> Texts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    imports::read(&root).expect("the sources can be read")
}

#[test]
fn every_file_imports_from_below() {
    let complaints = complaints(&workspace());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_file_has_a_layer() {
    let misplaced = misplaced(&workspace());
    assert!(misplaced.is_empty(), "{}", misplaced.join("\n"));
}

#[test]
fn a_wrong_import_is_found() {
    for (path, text, complaint) in [
        (
            "protocol/src/job/mod.rs",
            "use pool::Pool;",
            "protocol/src/ is not above pool/src/",
        ),
        (
            "worker/src/lib.rs",
            "fn f(_: pool::Pool) {}",
            "worker/src/ is not above pool/src/",
        ),
        (
            "pool/src/spawn/mod.rs",
            "use crate::{driver::Core};",
            "spawn/ is not above driver/",
        ),
        (
            "pool/src/scheduler/queue.rs",
            "use super::roster::Roster;",
            "these must not import each other",
        ),
        (
            "pool/src/scheduler/pace.rs",
            "use crate::driver::Core;",
            "pool/src/scheduler/ imports only",
        ),
        (
            "pool/src/driver/core.rs",
            "fn f() { ipc_channel::x() }",
            "only protocol/src/message/link.rs may",
        ),
    ] {
        let planted = [
            (
                "pool/src/lib.rs",
                "mod spawn; mod scheduler; mod policy; mod driver; pub use driver::Core as Pool;",
            ),
            ("pool/src/scheduler/mod.rs", "mod queue; mod roster; mod pace;"),
            ("pool/src/scheduler/roster.rs", ""),
            ("pool/src/policy.rs", ""),
            ("pool/src/driver/mod.rs", "mod core; pub use core::Core;"),
            ("pool/src/driver/core.rs", "pub struct Core;"),
            ("protocol/src/lib.rs", "mod job;"),
            (path, text),
        ];
        let texts: Texts = planted
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        let found = complaints(&texts);
        assert!(
            found.iter().all(|found| found.starts_with(path))
                && found.iter().any(|found| found.contains(complaint)),
            "{path}: {found:?}"
        );
    }
}

/// A value can contain values: a dict's keys are hashed and compared, and comparing looks into dicts.
#[test]
fn one_circle_is_left() {
    let imports = Imports::of(&workspace());
    let circle =
        ["compare", "dict", "set", "table"].map(|file| format!("worker/expression/src/object/{file}.rs"));
    assert_eq!(
        imports.circles(),
        [circle],
        "`just circles` shows which imports make it"
    );
}
