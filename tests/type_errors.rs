//! What the compiler says of a program that is wrong: it names what is missing, and the cure.

// S2-67
#[test]
fn wrong_programs_are_told_what_is_wrong() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
