-- The story in Neovim: finding, measured fix, hints, lenses, hover, completion, list of layers with its actions and ways there and
-- back, search that is cancelled and started again, export, report, comparison, rule, first espq.toml, health and help.
-- Ends with 1 where a step fails.

local root = "/story/project"
local project = root .. "/espq.toml"
-- Seconds for a measurement.
local patience = 240

local function fail(what)
  io.stderr:write("nvim: " .. what .. "\n")
  io.stderr:write("  diagnostics: " .. vim.inspect(vim.tbl_map(function(d)
    return ("%d %s %s"):format(d.lnum, d.code, d.message)
  end, vim.diagnostic.get(0))) .. "\n")
  io.stderr:write("  buffer: " .. vim.api.nvim_buf_get_name(0) .. "\n")
  io.stderr:write("  messages: " .. vim.fn.execute("messages") .. "\n")
  os.exit(1)
end

local function step(what, seconds, holds)
  if not vim.wait(seconds * 1000, holds, 50) then
    fail("no " .. what .. " in " .. seconds .. " s")
  end
  io.stdout:write("nvim: " .. what .. "\n")
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false), "\n")
end

local function client()
  return vim.lsp.get_clients({ name = "espq", bufnr = vim.fn.bufnr(project) })[1]
end

local function over_limit(layer)
  return vim.iter(vim.diagnostic.get(0)):find(function(d)
    local is_over = d.code == "E002" and d.source == "espq"
    return is_over and (layer == nil or d.message:find("layer " .. layer .. " ", 1, true) ~= nil)
  end)
end

-- Puts the cursor on a text.
local function go_to(wanted)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local column = line:find(wanted, 1, true)
    if column then
      vim.api.nvim_win_set_cursor(0, { number, column })
      return true
    end
  end
  return false
end

-- Takes the first action whose title has these words, as soon as it is offered.
local function take(words)
  local title
  step("action with `" .. words .. "`", patience, function()
    vim.lsp.buf.code_action({
      apply = true,
      filter = function(action)
        local wanted = title == nil and action.title:find(words, 1, true) ~= nil
        title = wanted and action.title or title
        return wanted
      end,
    })
    return vim.wait(3000, function()
      return title ~= nil
    end, 50)
  end)
  io.stdout:write("  " .. title .. "\n")
end

vim.cmd("runtime plugin/espq.lua")
vim.cmd("filetype plugin on")
vim.cmd("syntax on")
vim.lsp.enable("espq")
vim.cmd.edit(project)

step("TOML highlighting", 2, function()
  return vim.bo.filetype == "toml" and vim.bo.syntax == "toml"
end)
step("server", 10, client)
step("finding: a layer over its limit", patience, over_limit)
local finding = over_limit()
io.stdout:write("  " .. finding.message .. "\n")
local layer = finding.message:match("layer (%S+)")

vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
take("to int16: output error")
step("edit by the quick fix", 10, function()
  return text():find(('"%s" = "int16"'):format(layer), 1, true) ~= nil
end)
step("finding gone", patience, function()
  return not over_limit(layer)
end)

step("hint behind the precision", patience, function()
  return vim.iter(vim.lsp.inlay_hint.get({ bufnr = 0 })):any(function(hint)
    local label = hint.inlay_hint.label
    return type(label) == "string" and label:find("alone .*%%, cumulative .*%%") ~= nil and not label:find("recalibrating")
  end)
end)
step("lens with the error beside the limit", patience, function()
  return vim.iter(vim.lsp.codelens.get({ bufnr = 0 })):any(function(one)
    local lens = one.lens or one
    return lens.command ~= nil and lens.command.title:find("limit", 1, true) ~= nil
  end)
end)

local function floating()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      return text(vim.api.nvim_win_get_buf(window))
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

go_to("esp32")
step("completion of targets", 5, function()
  local place = vim.lsp.util.make_position_params(0, client().offset_encoding)
  local answer = client():request_sync("textDocument/completion", place, 5000, 0)
  return vim.iter(answer.result):any(function(item)
    return item.label == "esp32p4"
  end)
end)

vim.cmd.write()
local configuration = vim.api.nvim_get_current_buf()
vim.cmd("Espq layers")
step("list of layers in a window", 10, function()
  return vim.api.nvim_buf_get_name(0):find("^espq:") ~= nil and text():find("█", 1, true) ~= nil
end)
local list = vim.api.nvim_get_current_buf()
io.stdout:write("  " .. table.concat(vim.api.nvim_buf_get_lines(list, 0, 4, false), "\n  ") .. "\n")
go_to(layer)
vim.lsp.buf.hover()
step("hover in the list", 10, function()
  return floating():find("at int16", 1, true) ~= nil
end)
vim.cmd("fclose!")
vim.api.nvim_set_current_buf(list)
go_to(layer)
take("to int8")
step("edit of the configuration from the list", 30, function()
  return text(configuration):find(('"%s" = "int8"'):format(layer), 1, true) ~= nil
end)
step("diagnostic on the layer's line in the list", patience, function()
  return vim.iter(vim.diagnostic.get(list)):any(function(d)
    local line = vim.api.nvim_buf_get_lines(list, d.lnum, d.lnum + 1, false)[1] or ""
    return d.code == "E002" and vim.startswith(line, layer)
  end)
end)
vim.lsp.buf.definition()
step("definition: from the list to the configuration", 10, function()
  return vim.api.nvim_get_current_buf() == configuration and vim.api.nvim_get_current_line():find(layer, 1, true) ~= nil
end)
go_to(layer)
vim.lsp.buf.definition()
step("definition: from the configuration to the list", 10, function()
  return vim.api.nvim_get_current_buf() == list and vim.startswith(vim.api.nvim_get_current_line(), layer)
end)
vim.cmd.close()
vim.api.nvim_set_current_buf(configuration)
vim.cmd("silent undo")
vim.cmd.write()

-- The search, cancelled through its progress and started again.
local progress, ended
vim.api.nvim_create_autocmd("LspProgress", {
  callback = function(event)
    local params = event.data.params
    if params.value.kind == "begin" and params.value.title:find("measuring", 1, true) then
      progress, ended = params.token, false
    end
    if params.value.kind == "end" and params.token == progress then
      ended = true
    end
  end,
})
local answers = {}
local function search(number)
  progress = nil
  local params = { command = "espq.smallestSet", arguments = { vim.uri_from_bufnr(configuration) } }
  client():request("workspace/executeCommand", params, function(err)
    answers[number] = err and err.message or "done"
  end, configuration)
  step(number .. " search runs, or has ended", 60, function()
    return progress ~= nil or answers[number] ~= nil
  end)
  if progress then
    client():notify("window/workDoneProgress/cancel", { token = progress })
  end
  -- Neovim does not hand over the answer of a request that was cancelled.
  step("end of the " .. number .. " search", 60, function()
    return answers[number] ~= nil or ended
  end)
  io.stdout:write("  " .. (answers[number] or "cancelled") .. "\n")
end
search("first")
search("second")
vim.cmd.write()

vim.cmd("Espq export")
step("export: .espdl, .info and .json", patience, function()
  return vim.iter({ "espdl", "info", "json" }):all(function(ending)
    return vim.uv.fs_stat(root .. "/model." .. ending) ~= nil
  end)
end)

local opened
require("espq").open = function(page)
  opened = page
  return true
end
vim.cmd("Espq report")
step("report for the browser", patience, function()
  return opened ~= nil and vim.fn.getfsize(opened) > 10000
end)
vim.cmd("Espq inspect " .. root .. "/model.espdl")
step("contents of the exported file", 10, function()
  return text():find("in the order in which they run", 1, true) ~= nil
end)
vim.cmd.close()
vim.cmd(("Espq compare %s/before.espdl %s/model.espdl"):format(root, root))
step("differences of two files", 10, function()
  return vim.startswith(vim.api.nvim_buf_get_name(0), "espq-compare:") and #text() > 100
end)
vim.cmd.close()
vim.cmd("Espq explain E002")
step("page of a rule", 10, function()
  return text():find("Why is this bad", 1, true) ~= nil and vim.bo.filetype == "markdown"
end)
vim.cmd.close()
if vim.uv.fs_stat("/dev/pts/ptmx") then
  vim.cmd("Espq init " .. root .. "/new/model.onnx")
  step("espq.toml of a model, and the file in the editor", patience, function()
    return vim.api.nvim_buf_get_name(0) == root .. "/new/espq.toml"
  end)
end
vim.cmd("silent! only")
vim.cmd.edit(project)

client().settings = { espq = { analyze = "manual" } }
client():notify("workspace/didChangeConfiguration", { settings = client().settings })
local function is_unmeasured()
  return vim.iter(vim.diagnostic.get(0)):any(function(d)
    return d.message:find("not measured", 1, true) ~= nil
  end)
end
step("setting: nothing is measured, which is said", 30, function()
  -- The setting arrives in its own time; an edit that comes before it is measured.
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "# a change" })
  return vim.wait(2000, is_unmeasured, 50)
end)
vim.cmd("Espq analyze")
step("measurement on command", patience, function()
  return not is_unmeasured()
end)

local before = client().id
vim.cmd("Espq restart")
step("another server after :Espq restart", 15, function()
  return client() ~= nil and client().id ~= before
end)

vim.cmd("checkhealth espq")
step("health", 10, function()
  local report = text()
  return report:find("OK", 1, true) and report:find("runs for", 1, true) and not report:find("ERROR", 1, true)
end)
for _, word in ipairs({ "espq", ":Espq-layers", "espq-settings" }) do
  vim.cmd("help " .. word)
  step("help " .. word, 2, function()
    return vim.bo.filetype == "help" and vim.fs.basename(vim.api.nvim_buf_get_name(0)) == "espq.txt"
  end)
end
local shipped = table.concat(vim.fn.readfile("/story/nvim/doc/tags"), "\n")
vim.cmd("helptags /story/nvim/doc")
step("help tags that are those of the text", 2, function()
  return table.concat(vim.fn.readfile("/story/nvim/doc/tags"), "\n") == shipped
end)
os.exit(0)
