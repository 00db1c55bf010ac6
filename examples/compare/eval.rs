//! `pool eval` from file to file, beside one thread that does the same with the same evaluator.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{
    peer::Peer,
    rounds::{Side, Unit, compare as compare_sides},
};

pub(crate) fn compare(rounds: usize, input: &Path, peers: &[Peer]) -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir();
    let output = |name: &str| folder.join(format!("compare-{}-{name}", std::process::id()));
    let (ours, theirs, others) = (output("pool"), output("one-thread"), output("peer"));
    let sides = vec![
        Side::new("pool eval -j 2", || {
            let mut command = Command::new(program("pool")?);
            command
                .args(["eval", "-j", "2", "-a"])
                .arg(input)
                .stdout(File::create(&ours)?);
            seconds(&mut command)
        }),
        Side::new("one thread", || {
            seconds(Command::new(program("examples/one_thread")?).args([input, &theirs]))
        }),
    ];
    let files = [
        ("{in}", &*input.to_string_lossy()),
        ("{out}", &*others.to_string_lossy()),
    ];
    let peers = peers.iter().map(|peer| peer.side(&files, "secs", 1.0));
    let sides = sides.into_iter().chain(peers).collect();
    let compared = compare_sides("expressions, file to file", Unit::Seconds, rounds, sides);
    let is_same = compared.and_then(|()| Ok(fs::read(&ours)? == fs::read(&theirs)?));
    for file in [ours, theirs, others] {
        // Not every peer writes a file.
        drop(fs::remove_file(file));
    }
    if !is_same? {
        return Err("the pool's results differ from those of one thread".into());
    }
    Ok(())
}

fn seconds(command: &mut Command) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let status = command.status()?;
    // Expressions that fail are results too.
    match status.code() {
        Some(0 | 1) => Ok(begun.elapsed().as_secs_f64()),
        _ => Err(format!("{command:?}: {status}").into()),
    }
}

/// A program that was built together with this one.
pub(crate) fn program(name: &str) -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.ancestors().nth(2).unwrap_or(Path::new("."));
    let program = folder.join(name);
    if program.exists() {
        return Ok(program);
    }
    let message = format!(
        "{} is not there; build it with cargo build --release -p cli -p examples --bins --examples",
        program.display()
    );
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}
