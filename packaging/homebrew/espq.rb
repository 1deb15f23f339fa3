# Template of a Homebrew formula. A release replaces VERSION, OWNER and SHA256 of the source archive.
class Espq < Formula
  desc "Linter and language server for neural network quantization on Espressif chips"
  homepage "https://github.com/OWNER/espq"
  url "https://github.com/OWNER/espq/archive/refs/tags/vVERSION.tar.gz"
  sha256 "SHA256"
  license "Apache-2.0"
  head "https://github.com/OWNER/espq.git", branch: "main"

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"espq", "completions")
    generate_completions_from_executable(bin/"espq", "completions", "--command", "espq-lint", base_name: "espq-lint")
    system bin/"espq", "man", "-o", man1
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/espq --version")
    (testpath/"espq.toml").write "[model]\npath = 'none.onnx'\ntarget = 'esp32p4'\n"
    assert_match "C005", shell_output("#{bin}/espq-lint --format concise", 1)
  end
end
