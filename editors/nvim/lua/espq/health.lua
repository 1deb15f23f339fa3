-- :checkhealth espq

local M = {}

function M.check()
  local health = vim.health
  health.start("espq")
  if vim.fn.has("nvim-0.11") == 0 then
    health.error("Neovim 0.11 or newer is needed")
    return
  end
  local config = vim.lsp.config.espq
  local program = type(config) == "table" and type(config.cmd) == "table" and config.cmd[1] or nil
  if not program then
    health.error("there is no configuration `espq`", "put editors/nvim on 'runtimepath'")
    return
  end
  if vim.fn.executable(program) == 0 then
    health.error(("`%s` is not a program that can be run"):format(program), {
      "install espq: `pip install espq`, `uv tool install espq` or `:MasonInstall espq`",
      'or configure its path: vim.lsp.config("espq", { cmd = { "/path/to/espq", "lsp" } })',
    })
    return
  end
  local ran, result = pcall(function()
    return vim.system({ program, "--version" }, { text = true, timeout = 5000 }):wait()
  end)
  local version = ran and vim.trim(result.stdout or "") or ""
  if ran and result.code == 0 and version == "" then
    health.warn(("`%s --version` prints nothing; is it espq?"):format(program))
  elseif ran and result.code == 0 then
    health.ok(("%s: %s"):format(vim.fn.exepath(program), version))
  else
    health.error(("`%s --version` failed"):format(program), ran and vim.trim(result.stderr) or tostring(result))
  end
  if vim.lsp.is_enabled and not vim.lsp.is_enabled("espq") then
    health.warn("the server is not enabled", 'add vim.lsp.enable("espq") to your configuration')
  end
  local clients = vim.lsp.get_clients({ name = "espq" })
  if #clients == 0 then
    health.info("no server is running; one starts when an espq.toml is opened")
  end
  for _, client in ipairs(clients) do
    health.ok(("server %d runs for %s"):format(client.id, client.root_dir or "single files"))
  end
end

return M
