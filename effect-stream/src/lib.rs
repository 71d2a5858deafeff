//! Many values.
