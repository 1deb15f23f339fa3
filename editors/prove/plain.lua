-- The file for nvim-lspconfig, without the plugin of this repository: findings in espq.toml, and no server for other TOML files.

vim.filetype.add({ filename = { ["espq.toml"] = "toml" } })
vim.cmd("filetype on")
vim.lsp.enable("espq")
vim.fn.writefile({ "[package]" }, "/story/project/Cargo.toml")
vim.cmd.edit("/story/project/Cargo.toml")
vim.wait(500)
assert(#vim.lsp.get_clients() == 0, "a server for Cargo.toml")
vim.cmd.edit("/story/project/espq.toml")
assert(
  vim.wait(240000, function()
    return #vim.diagnostic.get(0) > 0
  end, 50),
  "no finding"
)
io.stdout:write("nvim: finding by the file for nvim-lspconfig\n")
os.exit(0)
