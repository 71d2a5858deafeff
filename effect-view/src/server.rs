//! The server: a port on loopback, at which a program says what its pipeline does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use effect_core::{Cx, Effect, Env, Fiber, Never, effect};
use effect_stream::{Channel, PipelineHandle};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::wire::{Line, Plan, Request, Snapshot};

/// How often whoever is connected is told.
const EVERY: Duration = Duration::from_millis(250);
/// How many may be connected at a time. Others wait.
const CLIENTS: usize = 16;
/// How long a request may be.
const LONGEST: u64 = 4096;
/// How long a sample may be. The rest of it is left out.
const LONGEST_SAMPLE: usize = 2048;

/// Why nobody is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can be reached from other machines. What a program's items are is nobody's business there.
    #[error("{0} is not on loopback")]
    NotLoopback(SocketAddr),
    /// The port could not be opened.
    #[error("cannot listen")]
    Listen(#[from] io::Error),
}

/// A port at which a program says what its pipeline does.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    fiber: Fiber<Never, ()>,
}

impl Server {
    /// Where it listens. Its port is known here, if it was asked to choose one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The fiber that serves. It ends with the one that began it, or when it is interrupted.
    pub fn fiber(&self) -> &Fiber<Never, ()> {
        &self.fiber
    }
}

/// Opens a port on loopback, at which the program says what a pipeline does: to `effect-top`, or to any [`Client`](crate::Client).
///
/// Whoever connects is told what the pipeline is, then every 250 ms what it has done, and at last how its run has ended. They
/// may ask for samples of the stages that are [observed](effect_stream::Stage::observed). Each line is a [`Line`] in JSON. There is no way to
/// change anything from outside; but whoever has an account on the machine can connect, so let no item show a secret.
///
/// It serves until the fiber that runs this effect ends, and is to run on tokio, with its I/O.
///
/// # Errors
///
/// [`ServeError`], if the address is not on loopback or cannot be listened at.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx};
/// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
/// use effect_view::{serve, ServeError};
///
/// # #[tokio::main]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let connected = Pipeline::from_stream(Stream::range(0..3))
///         .via(stage_sync("double", |n: u32| Ok::<_, String>(2 * n)))
///         .to_channel(Channel::bounded(8));
///     // Any free port. A program would print it, or have it in its configuration.
///     let server = cx.run(serve(connected.handle(), "127.0.0.1:0".parse().unwrap())).await?;
///     assert!(server.address().ip().is_loopback());
///     let report = cx.run(connected.run()).await.unwrap();
///     Ok::<_, ServeError>(report.delivered)
/// });
/// assert_eq!(program.await.unwrap(), 3);
///
/// let (connected, everywhere) = (Pipeline::<(), (), _>::from_stream(Stream::range(0..3)), "0.0.0.0:0");
/// let connected = connected.to_channel(Channel::<i32>::bounded(8));
/// let refused = serve::<()>(connected.handle(), everywhere.parse().unwrap()).await;
/// assert_eq!(refused.unwrap_err().to_string(), "0.0.0.0:0 is not on loopback");
/// # }
/// ```
pub fn serve<R: Env>(handle: PipelineHandle, address: SocketAddr) -> Effect<R, ServeError, Server> {
    effect(async move |cx: Cx<R>| {
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let fiber = cx.fork_named("view", accept(handle, listener));
        Ok(Server { address, fiber })
    })
    .erase_once()
}

/// Serves whoever connects.
fn accept<R: Env>(handle: PipelineHandle, listener: TcpListener) -> Effect<R, Never, ()> {
    effect(async move |cx: Cx<R>| {
        let places = Arc::new(Semaphore::new(CLIENTS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let serving = effect({
                        let handle = handle.clone();
                        async move |cx: Cx<R>| {
                            let _place = place;
                            // Whoever hangs up has seen enough.
                            let _ = attend(&cx, &handle, stream).await;
                            Ok::<(), Never>(())
                        }
                    });
                    drop(cx.fork_named("viewer", serving));
                }
                // Too many files are open, say. There may be fewer soon.
                Err(_) => cx.sleep(EVERY).await,
            }
        }
    })
    .erase_once()
}

/// Tells one client all, until the run has ended.
async fn attend<R: Env>(cx: &Cx<R>, handle: &PipelineHandle, stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let lines = Channel::bounded(16);
    let plan = Plan::of(handle.name(), handle.blueprint());
    write(&mut writer, &Line::Plan(plan)).await?;
    drop(cx.fork_named("reports", report(handle.clone(), lines.clone())));
    drop(cx.fork_named("requests", listen(handle.clone(), reader, lines.clone())));
    while let Ok(line) = lines.receive().await {
        write(&mut writer, &line).await?;
    }
    writer.shutdown().await
}

async fn write(writer: &mut OwnedWriteHalf, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await
}

/// Sends the reports of a run; and closes when that has ended.
fn report<R: Env>(handle: PipelineHandle, lines: Channel<Line>) -> Effect<R, Never, ()> {
    effect(async move |cx: Cx<R>| {
        let (from, to) = (handle.clone(), lines.clone());
        let each = handle.reports(EVERY).map(move |report| {
            // Asked after the report was made, it may have ended since; the next report is the last all the same.
            let has_ended = from.has_ended() && report.in_flight() == 0;
            Line::Report(Snapshot::of(&report, has_ended))
        });
        let sent = each.run_for_each(move |line| {
            let to = to.clone();
            async move {
                let _ = to.send(line).await;
                Ok::<(), Never>(())
            }
        });
        let Ok(()) = cx.run(sent).await;
        lines.close();
        Ok(())
    })
    .erase_once()
}

/// Does as it is asked.
fn listen<R: Env>(
    handle: PipelineHandle,
    reader: OwnedReadHalf,
    lines: Channel<Line>,
) -> Effect<R, Never, ()> {
    effect(async move |cx: Cx<R>| {
        let mut reader = BufReader::new(reader);
        let mut tapping: Option<Fiber<Never, ()>> = None;
        loop {
            let mut text = String::new();
            let read = (&mut reader).take(LONGEST).read_line(&mut text).await;
            // It has hung up, which whoever writes finds out; or what it says is none of ours.
            let Ok(request @ 1..) = read else {
                return Ok(());
            };
            let Ok(request) = serde_json::from_str(&text[..request]) else {
                return Ok(());
            };
            if let Some(tapping) = tapping.take() {
                let _ = cx.run(tapping.interrupt()).await?;
            }
            if let Request::Tap { stage, every } = request {
                tapping = Some(cx.fork_named("tap", tap(&handle, stage, every, lines.clone())));
            }
        }
    })
    .erase_once()
}

/// Sends samples of what comes to a stage.
fn tap<R: Env>(
    handle: &PipelineHandle,
    stage: String,
    every: u64,
    lines: Channel<Line>,
) -> Effect<R, Never, ()> {
    let samples = handle.tap(&stage, every.max(1));
    effect(async move |cx: Cx<R>| {
        let Some(samples) = samples else {
            let _ = lines.send(Line::NotObserved { stage }).await;
            return Ok(());
        };
        cx.run(samples.run_for_each(move |item| {
            let (lines, stage) = (lines.clone(), stage.clone());
            let item = item.chars().take(LONGEST_SAMPLE).collect();
            async move {
                let _ = lines.send(Line::Sample { stage, item }).await;
                Ok::<(), Never>(())
            }
        }))
        .await
    })
    .erase_once()
}
