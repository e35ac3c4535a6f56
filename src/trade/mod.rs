//! 2: what publishers say.
