//! Prints the targets, one a line: name, then where its examples lie. `fuzz/run` reads it.

fn main() {
    for target in mingzhang_fuzz::TARGETS {
        println!("{} {}", target.name, target.seeds.join(" "));
    }
}
