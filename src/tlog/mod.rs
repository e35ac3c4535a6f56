//! 1: formats and mathematics.
