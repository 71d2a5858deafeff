//! An effect as a whole program: signals interrupt it, finalizers get their time, the exit code is the shell's.

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use effect_core::{Cause, Effect, Exit, Never, Program, Reason, Value, effect};
use futures::future::{Either, select};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};

use effect_core::{Cx, Report, Runtime, TokioRuntime};
