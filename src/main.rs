//! `espq`.

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::ALLOCATOR;

fn main() -> std::process::ExitCode {
    espq::memory::keep();
    espq::cli::main()
}
