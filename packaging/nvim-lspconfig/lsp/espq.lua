---@brief
---
--- https://github.com/OWNER/espq
---
--- Quantization error of neural networks for Espressif chips, layer by layer, in `espq.toml`.
---
--- `espq` can be installed with `pip install espq` or `:MasonInstall espq`.

local function is_project(path)
  local name = vim.fs.basename(path)
  return name == 'espq.toml' or vim.endswith(name, '.espq.toml')
end

---@type vim.lsp.Config
return {
  cmd = { 'espq', 'lsp' },
  filetypes = { 'toml' },
  settings = { espq = {} },
  -- Other TOML files are none of espq's.
  root_dir = function(bufnr, on_dir)
    local path = vim.api.nvim_buf_get_name(bufnr)
    if is_project(path) then
      on_dir(vim.fs.root(path, { '.git' }) or vim.fs.dirname(path))
    end
  end,
}
