//! [`Program`]: the program to start as a child, with its arguments and environment.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A program with its arguments, environment and working directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    /// `None`: the program that is running now, from the same file.
    pub(crate) path: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, Option<OsString>)>,
    pub(crate) clears_environment: bool,
    /// `None`: the parent's working directory.
    pub(crate) folder: Option<PathBuf>,
}

/// The running program, even if its file was replaced or deleted since: a child must be of the same build.
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

    /// Clears the environment: the child inherits no variables.
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
