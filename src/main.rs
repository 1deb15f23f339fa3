//! `espq`.

fn main() -> std::process::ExitCode {
    espq::cli::main()
}
