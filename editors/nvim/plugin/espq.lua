-- :Espq and the filetype. *.espq.toml and espq.toml stay TOML, so that highlighting and other servers keep working.

if vim.g.loaded_espq then
  return
end
vim.g.loaded_espq = true

vim.filetype.add({ filename = { ["espq.toml"] = "toml" }, pattern = { [".*%.espq%.toml"] = "toml" } })

vim.api.nvim_create_user_command("Espq", function(call)
  local espq = require("espq")
  local name = table.remove(call.fargs, 1)
  local run = espq.commands[name]
  if run then
    run(unpack(call.fargs))
  else
    local known = table.concat(espq.names(), ", ")
    vim.notify(("espq has no command `%s`; it has %s"):format(name, known), vim.log.levels.ERROR)
  end
end, {
  nargs = "+",
  desc = "espq: analyze, layers, report, export and others; see :help :Espq",
  complete = function(lead, line)
    if line:match("^%s*%S+%s+%S+%s") then
      return vim.fn.getcompletion(lead, "file")
    end
    return vim.iter(require("espq").names())
      :filter(function(name)
        return vim.startswith(name, lead)
      end)
      :totable()
  end,
})
