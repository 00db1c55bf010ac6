//! Which program is started as a child, and how.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A program with what it is given at each start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    /// `None`: the program that is running now, by the very file that it was started from.
    pub(crate) path: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, Option<OsString>)>,
    pub(crate) clears_environment: bool,
    /// `None`: the parent's working directory.
    pub(crate) folder: Option<PathBuf>,
}

/// The running program, also when its file was replaced or deleted since: a child must be of the same build.
const OWN_PROGRAM: &str = "/proc/self/exe";

impl Program {
    /// The path to show.
    pub(crate) fn shown(&self) -> PathBuf {
        match &self.path {
            Some(path) => path.clone(),
            None => std::env::current_exe().unwrap_or_else(|_| OWN_PROGRAM.into()),
        }
    }

    /// Sets a variable, or removes it.
    pub(crate) fn set_variable(&mut self, name: OsString, value: Option<OsString>) {
        self.environment.push((name, value));
    }

    /// Lets the child inherit no variables.
    pub(crate) fn clear_environment(&mut self) {
        self.clears_environment = true;
        self.environment.clear();
    }

    /// The command that starts it in the role that the first argument gives it.
    pub(crate) fn command(&self, role: OsString) -> Command {
        let path = self.path.as_deref().unwrap_or(Path::new(OWN_PROGRAM));
        let mut command = Command::new(path);
        if self.path.is_none() {
            command.arg0(self.shown());
        }
        command.arg(role).args(&self.arguments);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if self.clears_environment {
            command.env_clear();
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}
