//! A crawler: it follows the links of a site, so many pages at a time and so many a second, and tries again what fails.
//!
//! Run it: `cargo run --example crawler`
//!
//! The site is a server that this program starts for itself. Some of its pages are out of order for a while, and one
//! for good: that one is a dead letter, with its path and the error. Pages to fetch are a queue which the crawler itself fills: when
//! nothing is left to fetch, and none is being fetched, it is closed, and the stream ends.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;
use effect::{DeadLetter, Queue, RateLimiter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), FetchError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let site = listener.local_addr()?;
    // A child of this fiber: it ends with it.
    drop(cx.fork_named("site", serve(listener)));

    let frontier = Frontier::of("/");
    let letters = Channel::bounded(16);
    let two_hundred_a_second = RateLimiter::new(200, Duration::from_secs(1));
    let again = Schedule::exponential(Duration::from_millis(5)).times(3);
    let pages = Stream::from_queue(frontier.queue.clone())
        .throttle(two_hundred_a_second)
        .map_effect_par_unordered(4, move |path| fetch(site, path))
        .retry_each(again)
        .errors_to_dead_letters(&letters);

    let (following, given_up, closing) = (frontier.clone(), frontier, letters.clone());
    let crawled = pages
        .inspect(move |page| following.follow(page))
        .map(|page| page.path)
        .partition()
        .ensuring(sync(move || closing.close()));
    let failed = Stream::from_channel(letters)
        .inspect(move |_| given_up.finish())
        .run_collect();
    let Ok(((mut crawled, _), failed)) = cx.run(crawled.zip_par(failed)).await;

    crawled.sort();
    println!("{} pages: {}", crawled.len(), crawled.join(" "));
    for DeadLetter { item, error } in &failed {
        println!("given up: {item}, {error}");
    }
    assert_eq!((crawled.len(), failed.len()), (12, 1));
    Ok(())
}

/// What is to be fetched. Whatever is found is fetched once.
#[derive(Clone)]
struct Frontier {
    queue: Queue<String>,
    known: Arc<Mutex<Known>>,
}

struct Known {
    paths: HashSet<String>,
    /// How many are not finished: in the queue, or being fetched.
    open: usize,
}

impl Frontier {
    fn of(start: &str) -> Self {
        let frontier = Frontier {
            queue: Queue::unbounded(),
            known: Arc::new(Mutex::new(Known {
                paths: HashSet::new(),
                open: 0,
            })),
        };
        frontier.add(start.to_owned());
        frontier
    }

    fn add(&self, path: String) {
        let mut known = self.known.lock().expect("nothing panics in here");
        if known.paths.insert(path.clone()) {
            known.open += 1;
            // It is open: whoever adds has not finished.
            let _ = self.queue.try_offer(path);
        }
    }

    /// Adds the links of a page, which is finished with that.
    fn follow(&self, page: &Page) {
        for link in &page.links {
            self.add(link.clone());
        }
        self.finish();
    }

    fn finish(&self) {
        let mut known = self.known.lock().expect("nothing panics in here");
        known.open -= 1;
        if known.open == 0 {
            self.queue.close();
        }
    }
}

struct Page {
    path: String,
    links: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the server says {0}")]
    Status(String),
}

/// Fetches a page. It fails with what the server says if that is not 200.
fn fetch(site: SocketAddr, path: String) -> Effect<(), FetchError, Page> {
    effect(move |_: Cx<()>| {
        let path = path.clone();
        async move {
            let mut socket = TcpStream::connect(site).await?;
            let request = format!("GET {path} HTTP/1.1\r\nhost: {site}\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            let status = head.lines().next().unwrap_or_default();
            if status != "HTTP/1.1 200 OK" {
                return Err(FetchError::Status(status.to_owned()));
            }
            let links = body.split("href=\"").skip(1);
            let links = links.filter_map(|link| link.split('"').next());
            Ok(Page {
                links: links.map(str::to_owned).collect(),
                path,
            })
        }
    })
    .erase()
}

/// The site: thirteen pages, three links deep.
fn serve(listener: TcpListener) -> impl IntoEffect<(), Error = io::Error, Value = ()> {
    effect(async move |cx: Cx<()>| {
        let asked = Arc::new(Mutex::new(HashMap::new()));
        loop {
            let (socket, _) = listener.accept().await?;
            let asked = Arc::clone(&asked);
            drop(cx.fork(from_future(answer(socket, asked))));
        }
    })
}

/// How often each page was asked for.
type Asked = Arc<Mutex<HashMap<String, u32>>>;

async fn answer(mut socket: TcpStream, asked: Asked) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let times = {
        let mut asked = asked.lock().expect("nothing panics in here");
        let times = asked.entry(path.clone()).or_default();
        *times += 1;
        *times
    };
    let status = match path.as_str() {
        "/b" | "/a/c" if times < 3 => "503 Service Unavailable",
        "/c/b" => "500 Internal Server Error",
        _ => "200 OK",
    };
    let is_leaf = path.matches('/').count() > 1;
    let links = ["a", "b", "c"].map(|name| {
        let folder = path.trim_end_matches('/');
        format!("<a href=\"{folder}/{name}\">{name}</a>")
    });
    let body = if is_leaf {
        String::new()
    } else {
        links.concat()
    };
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}
