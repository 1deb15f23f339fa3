-- Commands of :Espq. Those of the server are sent to it, the others run the program. No decisions about a project are made here.

local M = {}

---@param path string
---@return boolean
function M.is_project(path)
  local name = vim.fs.basename(path)
  if path:match("^%a[%w+.-]+:") then
    return false -- not a file
  end
  return name == "espq.toml" or vim.endswith(name, ".espq.toml")
end

---@param message string
local function fail(message)
  vim.notify(message, vim.log.levels.ERROR)
end

---@param buffer integer
---@return vim.lsp.Client?
local function client_of(buffer)
  local client = vim.lsp.get_clients({ name = "espq", bufnr = buffer })[1]
  if not client then
    fail('espq is not running in this buffer. It needs espq.toml or *.espq.toml, and vim.lsp.enable("espq"); see :checkhealth espq.')
  end
  return client
end

--- URI of the configuration: the buffer's own, or that whose layers it lists.
---@param buffer integer
---@return string
local function project_of(buffer)
  return vim.b[buffer].espq_project or vim.uri_from_bufnr(buffer)
end

---@param command string a command of the server, given the configuration's URI
local function execute(command)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of(buffer)
  if not client then
    return
  end
  local params = { command = command, arguments = { project_of(buffer) } }
  client:request("workspace/executeCommand", params, function(err)
    if err then
      fail(command .. ": " .. err.message)
    end
  end, buffer)
end

--- The program that the server's configuration starts.
---@return string
local function program()
  local config = vim.lsp.config.espq
  return type(config) == "table" and type(config.cmd) == "table" and config.cmd[1] or "espq"
end

--- Runs the program in the background, and hands over what it prints.
---@param arguments string[]
---@param done fun(text: string)
local function run(arguments, done)
  local command = vim.list_extend({ program() }, arguments)
  local started, problem = pcall(vim.system, command, { text = true }, function(result)
    vim.schedule(function()
      if result.code == 2 then
        return fail(vim.trim(result.stderr))
      end
      done(result.stdout)
    end)
  end)
  if not started then
    fail(("%s cannot be run: %s. `pip install espq` installs it; see :checkhealth espq."):format(program(), problem))
  end
end

--- Shows text in a window of its own.
---@param name string
---@param text string
---@param filetype string
local function show(name, text, filetype)
  local buffer = vim.fn.bufadd(name)
  vim.fn.bufload(buffer)
  vim.bo[buffer].buftype = "nofile"
  M.fill(buffer, text)
  vim.bo[buffer].filetype = filetype
  vim.cmd.vsplit()
  vim.api.nvim_win_set_buf(0, buffer)
  vim.wo[0].wrap = false
end

--- Runs the program in a terminal, where it shows its progress and asks.
---@param arguments string[]
---@param done fun()?
local function in_terminal(arguments, done)
  vim.cmd("botright 15new")
  vim.fn.jobstart(vim.list_extend({ program() }, arguments), {
    term = true,
    on_exit = function(_, code)
      if code == 0 and done then
        done()
      end
    end,
  })
end

--- Path of the configuration in the current buffer, saved.
---@return string?
local function saved()
  local file = vim.uri_to_fname(project_of(vim.api.nvim_get_current_buf()))
  if not M.is_project(file) then
    fail("this buffer is no espq.toml and no *.espq.toml")
    return nil
  end
  vim.cmd("silent! update")
  return file
end

--- Lines of the list of layers in a buffer of its own, with the diagnostics and actions of its layers; `gd` leads to a layer's line
--- in the configuration.
local function layers()
  local project = vim.api.nvim_get_current_buf()
  local client = client_of(project)
  if not client then
    return
  end
  client:request("espq/layers", { uri = project_of(project) }, function(err, list)
    if err or not list then
      return fail(err and err.message or "espq has no layers yet")
    end
    local buffer = vim.fn.bufadd(list.uri)
    vim.fn.bufload(buffer)
    vim.bo[buffer].buftype = "nofile"
    vim.bo[buffer].filetype = "espq-layers"
    M.fill(buffer, list.text)
    vim.b[buffer].espq_project = project_of(project)
    vim.lsp.buf_attach_client(buffer, client.id)
    vim.keymap.set("n", "gd", vim.lsp.buf.definition, { buffer = buffer, desc = "espq: the layer's line in espq.toml" })
    vim.cmd.vsplit()
    vim.api.nvim_win_set_buf(0, buffer)
    vim.wo[0].wrap = false
    vim.wo[0].cursorline = true
  end, project)
end

---@param buffer integer
---@param text string
function M.fill(buffer, text)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(vim.trim(text), "\n"))
  vim.bo[buffer].modifiable = false
end

--- Fills an open list again when its figures have changed.
---@param client vim.lsp.Client
---@param uri string URI of the configuration
function M.refresh(client, uri)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.b[buffer].espq_project == uri then
      client:request("espq/layers", { uri = uri }, function(_, list)
        if list and vim.api.nvim_buf_is_valid(buffer) then
          M.fill(buffer, list.text)
        end
      end, vim.uri_to_bufnr(uri))
    end
  end
end

--- Figures in the text are on by default; `vim.lsp.inlay_hint.enable(false)` switches hints off, `vim.lsp.codelens.enable(false)` lenses.
---@param buffer integer
function M.attached(buffer)
  if not M.is_project(vim.api.nvim_buf_get_name(buffer)) then
    return
  end
  vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  if vim.lsp.codelens.enable then
    return vim.lsp.codelens.enable(true, { bufnr = buffer })
  end
  -- Neovim 0.11 has no way to keep lenses fresh.
  vim.api.nvim_create_autocmd({ "BufEnter", "CursorHold", "InsertLeave" }, {
    buffer = buffer,
    callback = function()
      vim.lsp.codelens.refresh({ bufnr = buffer })
    end,
  })
  vim.lsp.codelens.refresh({ bufnr = buffer })
end

--- The page of the report, in the browser.
local function report()
  local file = saved()
  if not file then
    return
  end
  local page = vim.fs.joinpath(vim.fn.stdpath("cache"), "espq-report.html")
  vim.fn.mkdir(vim.fs.dirname(page), "p")
  run({ "report", "--format", "html", "-o", page, file }, function()
    if M.open(page) then
      vim.notify("report: " .. page)
    end
  end)
end

--- Opens a page; other functions may take its place.
---@param page string
---@return boolean
function M.open(page)
  local _, problem = vim.ui.open(page)
  if problem then
    vim.notify(("report: %s (%s)"):format(page, problem), vim.log.levels.WARN)
  end
  return problem == nil
end

local function optimize()
  local file = saved()
  if file then
    in_terminal({ "optimize", file }, function()
      vim.cmd.checktime()
    end)
  end
end

---@param model string?
local function init(model)
  if not model then
    return fail(":Espq init needs the model's file: :Espq init model.onnx")
  end
  local folder = vim.fs.dirname(vim.fs.abspath(model))
  in_terminal({ "init", model, "--output", folder }, function()
    vim.cmd.edit(vim.fs.joinpath(folder, "espq.toml"))
  end)
end

--- Explains a rule: that of the finding on this line, if none is named.
---@param code string?
local function explain(code)
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local found = vim.iter(vim.diagnostic.get(0, { lnum = line })):find(function(one)
    return one.source == "espq"
  end)
  code = code or (found and found.code)
  if not code then
    return fail("no finding is on this line; :Espq explain E002 explains a rule by its code")
  end
  run({ "explain", code }, function(text)
    show("espq-rule:" .. code, text, "markdown")
  end)
end

---@param file string?
local function inspect(file)
  if not file then
    return fail(":Espq inspect needs a file: :Espq inspect model.espdl")
  end
  run({ "inspect", "--cost", "--color", "never", file }, function(text)
    show("espq-inspect:" .. file, text, "espq-inspect")
  end)
end

---@param before string?
---@param after string?
local function compare(before, after)
  if not after then
    return fail(":Espq compare needs two files: :Espq compare before.espdl after.espdl")
  end
  run({ "compare", "--color", "never", before, after }, function(text)
    show(("espq-compare:%s:%s"):format(before, after), text, "espq-compare")
  end)
end

local function restart()
  local buffers = {}
  local clients = vim.lsp.get_clients({ name = "espq" })
  for _, client in ipairs(clients) do
    for buffer in pairs(client.attached_buffers) do
      buffers[#buffers + 1] = buffer
    end
    client:stop()
  end
  local function begin()
    vim.lsp.enable("espq")
    for _, buffer in ipairs(buffers) do
      if vim.api.nvim_buf_is_valid(buffer) then
        -- The FileType event starts an enabled server.
        vim.api.nvim_exec_autocmds("FileType", { group = "nvim.lsp.enable", buffer = buffer })
      end
    end
  end
  -- A server that is still stopping would be attached instead of a new one.
  local function wait(tries)
    local left = vim.iter(clients):any(function(client)
      return not client:is_stopped()
    end)
    if not left then
      return begin()
    end
    if tries == 0 then
      for _, client in ipairs(clients) do
        client:stop(true)
      end
    end
    vim.defer_fn(function()
      wait(tries - 1)
    end, 50)
  end
  wait(60)
end

---@type table<string, fun(...: string)>
M.commands = {
  analyze = function()
    execute("espq.analyze")
  end,
  compare = compare,
  explain = explain,
  export = function()
    execute("espq.export")
  end,
  init = init,
  inspect = inspect,
  layers = layers,
  optimize = optimize,
  report = report,
  restart = restart,
  ["smallest-set"] = function()
    execute("espq.smallestSet")
  end,
}

--- Names of the commands in order.
---@return string[]
function M.names()
  local names = vim.tbl_keys(M.commands)
  table.sort(names)
  return names
end

return M
