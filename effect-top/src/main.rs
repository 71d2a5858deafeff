//! A live view of a running pipeline: `effect-top 127.0.0.1:7700`.
//!
//! The program has to serve it: `effect_view::serve(connected.handle(), "127.0.0.1:7700".parse()?)`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use effect_top::{Action, App, Key, draw};
use effect_view::{Client, Line};

/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: effect-top ADDRESS, such as 127.0.0.1:7700");
        std::process::exit(2);
    };
    let mut client = Client::connect(&*address).map_err(|why| format!("{address}: {why}"))?;
    let mut asking = client.asking()?;
    let Some(Line::Plan(plan)) = client.next_line()? else {
        return Err("whoever listens there says nothing of a pipeline".into());
    };
    let (sender, lines) = mpsc::channel();
    read(client, sender);
    let mut app = App::new(plan);
    let mut before = None;
    let mut terminal = ratatui::init();
    let ended = loop {
        take(&mut app, &lines, &mut before);
        if let Err(why) = terminal.draw(|frame| draw(frame, &app)) {
            break Err(why.into());
        }
        let key = match pressed() {
            Ok(Some(key)) => key,
            Ok(None) => continue,
            Err(why) => break Err(why.into()),
        };
        match app.press(key) {
            Some(Action::Quit) => break Ok(()),
            // A program that is gone says so by its lines.
            Some(Action::Ask(request)) => drop(asking.ask(&request)),
            _ => {}
        }
    };
    ratatui::restore();
    ended
}

/// Reads lines until there are no more.
#[allow(
    clippy::disallowed_methods,
    reason = "a program without effects, that waits for a terminal and for a connection"
)]
fn read(mut client: Client, lines: mpsc::Sender<(Instant, Line)>) {
    std::thread::spawn(move || {
        while let Ok(Some(line)) = client.next_line() {
            if lines.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
}

/// Takes the lines that have come.
fn take(app: &mut App, lines: &Receiver<(Instant, Line)>, before: &mut Option<Instant>) {
    loop {
        match lines.try_recv() {
            Ok((at, line)) => {
                let after = before.map_or(Duration::ZERO, |before| at - before);
                if matches!(line, Line::Report(_)) {
                    *before = Some(at);
                }
                app.take(line, after);
            }
            Err(mpsc::TryRecvError::Empty) => return,
            Err(mpsc::TryRecvError::Disconnected) => return app.lose(),
        }
    }
}

/// The key that was pressed, if one was that means something.
fn pressed() -> std::io::Result<Option<Key>> {
    if !event::poll(FRAME)? {
        return Ok(None);
    }
    let Event::Key(key) = event::read()? else {
        return Ok(None);
    };
    if key.kind == KeyEventKind::Release {
        return Ok(None);
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Ok(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Some(Key::Up),
        KeyCode::Down | KeyCode::Char('j') => Some(Key::Down),
        KeyCode::Char('t') | KeyCode::Enter => Some(Key::Tap),
        KeyCode::Char('+') => Some(Key::More),
        KeyCode::Char('-') => Some(Key::Fewer),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        KeyCode::Char('c') if control => Some(Key::Quit),
        _ => None,
    })
}
