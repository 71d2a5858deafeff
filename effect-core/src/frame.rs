//! A frame: what holds for a part of an effect, and not for all of its fiber.

use std::sync::Arc;

use crate::local::Locals;
use crate::mask::Mask;
use crate::scope::ScopeState;

/// What holds for a part of an effect: the scope it acquires in, the mask it is under, the locals it sees.
///
/// A frame is never changed. The part that opens a scope, say, runs with a copy that names that one.
#[derive(Clone, Default)]
pub(crate) struct Frame {
    /// `None` is the fiber's own.
    pub(crate) scope: Option<Arc<ScopeState>>,
    /// `None` where interruption may strike.
    pub(crate) mask: Option<Arc<Mask>>,
    pub(crate) locals: Locals,
    /// The mask that the fiber's driver has made for a program which is uninterruptible as a whole.
    pub(crate) root_mask: Option<Arc<Mask>>,
}
