//! A bare round trip over ipc-channel: two processes, one message there and one back.

use std::{env, error::Error, process::Child};

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::child;

/// Another process that sends back what it receives.
pub(crate) struct Mirror<E> {
    ends: E,
    child: Child,
}

/// The ends for single numbers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Numbers(IpcSender<u64>, IpcReceiver<u64>);

/// The ends for bytes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bytes(IpcBytesSender, IpcBytesReceiver);

impl<E: Serialize + DeserializeOwned> Mirror<E> {
    fn start(kind: &str) -> Result<Self, Box<dyn Error>> {
        let (server, name) = IpcOneShotServer::<E>::new()?;
        let child = child::command(kind)?.arg(name).spawn()?;
        let (_, ends) = server.accept()?;
        Ok(Self { ends, child })
    }
}

impl Mirror<Numbers> {
    pub(crate) fn of_numbers() -> Result<Self, Box<dyn Error>> {
        Self::start("ipc")
    }

    pub(crate) fn echo(&self, number: u64) -> Result<u64, Box<dyn Error>> {
        self.ends.0.send(number)?;
        Ok(self.ends.1.recv()?)
    }
}

impl Mirror<Bytes> {
    pub(crate) fn of_bytes() -> Result<Self, Box<dyn Error>> {
        Self::start("ipc-bytes")
    }

    pub(crate) fn echo(&self, bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        self.ends.0.send(bytes)?;
        Ok(self.ends.1.recv()?)
    }
}

impl<E> Drop for Mirror<E> {
    fn drop(&mut self) {
        // It may have ended already; its exit status does not matter.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn connect<E: Serialize>(ends: E) -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(2).ok_or("the name of a server is missing")?;
    Ok(IpcSender::connect(name)?.send(ends)?)
}

/// The other process, for numbers.
pub(crate) fn serve_numbers() -> Result<(), Box<dyn Error>> {
    let ((there, from), (to, back)) = (ipc::channel()?, ipc::channel()?);
    connect(Numbers(there, back))?;
    while let Ok(number) = from.recv() {
        to.send(number)?;
    }
    Ok(())
}

/// The other process, for bytes.
pub(crate) fn serve_bytes() -> Result<(), Box<dyn Error>> {
    let ((there, from), (to, back)) = (ipc::bytes_channel()?, ipc::bytes_channel()?);
    connect(Bytes(there, back))?;
    while let Ok(bytes) = from.recv() {
        to.send(&bytes)?;
    }
    Ok(())
}
