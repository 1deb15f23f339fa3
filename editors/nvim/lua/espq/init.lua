-- Commands of :Espq, which are sent to the server. No decisions about a project are made here.

local M = {}

---@param path string
---@return boolean
function M.is_project(path)
  local name = vim.fs.basename(path)
  return name == "espq.toml" or vim.endswith(name, ".espq.toml")
end

---@param buffer integer
---@return vim.lsp.Client?
local function client_of(buffer)
  return vim.lsp.get_clients({ name = "espq", bufnr = buffer })[1]
end

---@param command string a command of the server, given the buffer's URI
local function execute(command)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of(buffer)
  if not client then
    vim.notify(
      'espq is not running in this buffer. It needs espq.toml or *.espq.toml, and vim.lsp.enable("espq"); see :checkhealth espq.',
      vim.log.levels.ERROR
    )
    return
  end
  local params = { command = command, arguments = { vim.uri_from_bufnr(buffer) } }
  client:request("workspace/executeCommand", params, function(err)
    if err then
      vim.notify(command .. ": " .. err.message, vim.log.levels.ERROR)
    end
  end, buffer)
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

M.commands = {
  analyze = function()
    execute("espq.analyze")
  end,
  export = function()
    execute("espq.export")
  end,
  restart = restart,
}

return M
