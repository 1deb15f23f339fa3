//! `espq`.

fn main() -> std::process::ExitCode {
    espq::memory::keep();
    espq::cli::main()
}
