-- :Espq and the filetype. *.espq.toml and espq.toml stay TOML, so that highlighting and other servers keep working.

if vim.g.loaded_espq then
  return
end
vim.g.loaded_espq = true

vim.filetype.add({ filename = { ["espq.toml"] = "toml" }, pattern = { [".*%.espq%.toml"] = "toml" } })

vim.api.nvim_create_user_command("Espq", function(call)
  local run = require("espq").commands[call.args]
  if run then
    run()
  else
    vim.notify(("espq has no command `%s`: use analyze, export, layers, smallest-set or restart"):format(call.args), vim.log.levels.ERROR)
  end
end, {
  nargs = 1,
  desc = "espq: analyze, export, layers, smallest-set or restart",
  complete = function(lead)
    return vim.iter(vim.tbl_keys(require("espq").commands))
      :filter(function(name)
        return vim.startswith(name, lead)
      end)
      :totable()
  end,
})
