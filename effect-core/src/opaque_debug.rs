//! What can be shown of a type that holds closures: its name.

macro_rules! opaque_debug {
    ($($name:ident $(<$($parameter:ident),*>)?),* $(,)?) => {$(
        impl$(<$($parameter),*>)? std::fmt::Debug for $name$(<$($parameter),*>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
pub(crate) use opaque_debug;
