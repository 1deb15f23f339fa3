//! `espq`.

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::Allocator;

fn main() -> std::process::ExitCode {
    espq::cli::end_at_panics();
    espq::memory::keep();
    espq::cli::main()
}
