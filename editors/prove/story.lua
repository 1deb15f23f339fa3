-- The story in Neovim: open, see the finding, take the measured fix, see it go, hover, complete, export, ask for health
-- and help. Ends with 1 where a step fails.

local project = "/story/project/espq.toml"

local function step(what, seconds, holds)
  if not vim.wait(seconds * 1000, holds, 50) then
    io.stderr:write("nvim: no " .. what .. " in " .. seconds .. " s\n")
    io.stderr:write("  diagnostics: " .. vim.inspect(vim.diagnostic.get(0)) .. "\n")
    os.exit(1)
  end
  io.stdout:write("nvim: " .. what .. "\n")
end

local function over_limit()
  return vim.iter(vim.diagnostic.get(0)):find(function(d)
    return d.code == "E002" and d.source == "espq"
  end)
end

vim.cmd("runtime plugin/espq.lua")
vim.cmd("filetype plugin on")
vim.cmd("syntax on")
vim.lsp.enable("espq")
vim.cmd.edit(project)

step("TOML highlighting", 2, function()
  return vim.bo.filetype == "toml" and vim.bo.syntax == "toml"
end)
step("server", 10, function()
  return #vim.lsp.get_clients({ name = "espq", bufnr = 0 }) == 1
end)
step("finding: a layer over its limit", 30, over_limit)
local finding = over_limit()
io.stdout:write("  " .. finding.message .. "\n")
local layer = finding.message:match("layer (%S+)")

vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
local title
vim.lsp.buf.code_action({
  apply = true,
  filter = function(action)
    local measured = title == nil and action.title:find("int16: output error", 1, true) ~= nil
    title = measured and action.title or title
    return measured
  end,
})
step("edit by the quick fix", 10, function()
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
  return text:find(('"%s" = "int16"'):format(layer), 1, true) ~= nil
end)
io.stdout:write("  " .. title .. "\n")
step("finding gone", 30, function()
  return not vim.iter(vim.diagnostic.get(0)):any(function(d)
    return d.code == "E002" and d.message:find(layer, 1, true) ~= nil
  end)
end)

-- Puts the cursor on a text.
local function go_to(text)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local column = line:find(text, 1, true)
    if column then
      vim.api.nvim_win_set_cursor(0, { number, column })
      return
    end
  end
end

local function floating()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), "\n")
    end
  end
  return ""
end

go_to(layer)
vim.lsp.buf.hover()
step("hover with the layer's figures", 10, function()
  return floating():find("error on the outputs if quantized alone", 1, true) ~= nil
end)
vim.cmd("fclose!")

go_to("esp32s3")
step("completion of targets", 5, function()
  local client = vim.lsp.get_clients({ name = "espq", bufnr = 0 })[1]
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local answer = client:request_sync("textDocument/completion", place, 5000, 0)
  return vim.iter(answer.result):any(function(item)
    return item.label == "esp32p4"
  end)
end)

vim.cmd.write()
vim.cmd("Espq export")
step("export: .espdl, .info and .json", 30, function()
  return vim.iter({ "espdl", "info", "json" }):all(function(ending)
    return vim.uv.fs_stat("/story/project/model." .. ending) ~= nil
  end)
end)

local before = vim.lsp.get_clients({ name = "espq" })[1].id
vim.cmd("Espq restart")
step("another server after :Espq restart", 15, function()
  local client = vim.lsp.get_clients({ name = "espq", bufnr = 0 })[1]
  return client ~= nil and client.id ~= before
end)

vim.cmd("checkhealth espq")
step("health", 10, function()
  local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
  return report:find("OK", 1, true) and report:find("runs for", 1, true) and not report:find("ERROR", 1, true)
end)
vim.cmd("helptags /story/nvim/doc")
vim.cmd("help espq")
step("help", 2, function()
  return vim.bo.filetype == "help" and vim.fs.basename(vim.api.nvim_buf_get_name(0)) == "espq.txt"
end)
os.exit(0)
