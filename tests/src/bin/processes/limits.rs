//! The system refuses: no descriptors left, or a sandbox without a call that is needed.

use std::collections::BTreeMap;

use pool::{Process, process::StartError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

fn identity(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

pub(crate) fn a_full_descriptor_table_is_an_error() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(64),
            maximum: limit.maximum,
        },
    )
    .unwrap();
    let open = || std::fs::File::open("/dev/null");
    let mut files: Vec<_> = std::iter::repeat_with(open).map_while(Result::ok).collect();
    // With each descriptor more, it comes a step further, until it works.
    let mut refusals = 0;
    let process = loop {
        match Process::new(identity, (vec![1; 100_000],)).start() {
            Ok(process) => break process,
            Err(error) => {
                assert!(error.to_string().contains("Too many open files"), "{error}");
                refusals += 1;
                files.pop().expect("it works with all of them");
            }
        }
    };
    assert!(refusals > 2, "{refusals}");
    while let Ok(file) = open() {
        files.push(file);
    }
    // The output's memory comes as a descriptor, for which there is no room: an error, not a hang or a panic.
    let error = process.join().unwrap_err();
    assert!(
        error.to_string().contains("could not hand over its output"),
        "{error}"
    );
    drop(files);
    assert_eq!(
        Process::new(identity, (vec![2],))
            .start()
            .unwrap()
            .join()
            .unwrap(),
        [2]
    );
}

/// Has the kernel refuse one call from here on, in this process and all that it starts.
fn refuse(call: i64, errno: i32) {
    let filter = SeccompFilter::new(
        BTreeMap::from([(call, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        TargetArch::try_from(std::env::consts::ARCH).unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

pub(crate) fn without_pidfd() {
    let before = Process::new(identity, (vec![1],)).start().unwrap();
    assert_eq!(before.join().unwrap(), [1]);
    refuse(libc::SYS_pidfd_open, libc::ENOSYS);
    let error = Process::new(identity, (vec![1],)).start().unwrap_err();
    assert!(matches!(error, StartError::Spawn { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("pidfd_open") && text.contains("Linux 5.4") && text.contains("sandbox"),
        "{text}"
    );
}

pub(crate) fn without_memfd() {
    refuse(libc::SYS_memfd_create, libc::EPERM);
    let error = Process::new(identity, (vec![1; 100_000],)).start().unwrap_err();
    assert!(error.to_string().contains("memfd_create"), "{error}");
}
