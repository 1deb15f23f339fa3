-- The server's configuration: vim.lsp.enable("espq") starts it for espq.toml and *.espq.toml.
-- espq does not handle other TOML files, so only those names get a root.

---@type vim.lsp.Config
return {
  cmd = { "espq", "lsp" },
  filetypes = { "toml" },
  capabilities = { experimental = { layerList = true } },
  -- `analyze`: "type", "save" or "manual"; `logLevel`: "off", "error", "warning", "info" or "debug".
  settings = { espq = {} },
  on_attach = function(_, buffer)
    require("espq").attached(buffer)
  end,
  handlers = {
    ["espq/layersChanged"] = function(_, params, context)
      local client = vim.lsp.get_client_by_id(context.client_id)
      if client then
        require("espq").refresh(client, params.uri)
      end
    end,
  },
  root_dir = function(buffer, on_dir)
    local path = vim.api.nvim_buf_get_name(buffer)
    if require("espq").is_project(path) then
      on_dir(vim.fs.root(path, { ".git" }) or vim.fs.dirname(path))
    end
  end,
}
