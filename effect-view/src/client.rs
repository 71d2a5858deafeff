//! The client: whoever looks from outside, in plain blocking code.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpStream, ToSocketAddrs};

use crate::wire::{Line, Request};

/// A connection to a program that [serves](crate::serve) what its pipeline does.
///
/// It blocks: it is for programs of their own, such as `effect-top`, and not for fibers.
///
/// # Examples
///
/// ```no_run
/// use effect_view::{Client, Line};
///
/// # fn main() -> std::io::Result<()> {
/// let mut client = Client::connect("127.0.0.1:7700")?;
/// while let Some(line) = client.next_line()? {
///     if let Line::Report(report) = line {
///         println!("{}", report.line);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a program.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        Ok(Client {
            reader: BufReader::new(stream),
        })
    }

    /// Another end of the connection, to ask by while this one waits for lines.
    ///
    /// # Errors
    ///
    /// If the system has no more of them.
    pub fn asking(&self) -> io::Result<Asking> {
        let stream = self.reader.get_ref().try_clone()?;
        Ok(Asking { stream })
    }

    /// The next line. `None` when the program has ended, or its run has.
    ///
    /// # Errors
    ///
    /// If the connection is lost, or what comes is no line.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut text = String::new();
        if self.reader.read_line(&mut text)? == 0 {
            return Ok(None);
        }
        serde_json::from_str(&text)
            .map(Some)
            .map_err(io::Error::from)
    }
}

/// The end of a connection by which one asks.
#[derive(Debug)]
pub struct Asking {
    stream: TcpStream,
}

impl Asking {
    /// Asks for something.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn ask(&mut self, request: &Request) -> io::Result<()> {
        let mut text = serde_json::to_string(request)?;
        text.push('\n');
        self.stream.write_all(text.as_bytes())
    }
}
