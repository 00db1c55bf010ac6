//! Another program that does the same work and prints its measurement.

use std::{process::Command, str::FromStr};

use crate::rounds::Side;

/// A command with a name.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    name: String,
    command: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("a peer is NAME=COMMAND")?;
        Ok(Self {
            name: name.to_owned(),
            command: command.to_owned(),
        })
    }
}

impl Peer {
    /// A side that runs the command and reads the figure behind `key=`, in units of which `per_unit` make one of the
    /// comparison's.
    pub(crate) fn side<'a>(&self, files: &[(&str, &str)], key: &'a str, per_unit: f64) -> Side<'a> {
        let command = files.iter().fold(self.command.clone(), |command, (name, path)| {
            command.replace(name, path)
        });
        Side::new(&self.name, move || {
            let output = Command::new("sh").args(["-c", &command]).output()?;
            let printed = String::from_utf8_lossy(&output.stdout);
            let figure = figure(&printed, key);
            let missing = || {
                let complaint = String::from_utf8_lossy(&output.stderr);
                format!("`{command}` printed no {key}=, but: {printed}{complaint}")
            };
            Ok(figure.ok_or_else(missing)? / per_unit)
        })
    }
}

fn figure(printed: &str, key: &str) -> Option<f64> {
    let mut words = printed.split_whitespace().filter_map(|word| word.split_once('='));
    words.find(|(name, _)| *name == key)?.1.parse().ok()
}
